import { Gauge, type Registry } from 'prom-client'

import type { RolloutStatus } from '../domain/rollout-status.ts'
import { type PhaseKind, TRANSITIONS } from '../domain/rollout.ts'

const PHASES = Object.keys(TRANSITIONS) as PhaseKind[]

/** Where each model's rollout is, and on what evidence; read anew at every scrape. */
export function rolloutGauges(registry: Registry, rollouts: () => readonly RolloutStatus[]): void {
  const gauge = (
    name: string,
    help: string,
    labelNames: string[],
    set: (gauge: Gauge, status: RolloutStatus) => void,
  ) => {
    const made: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        made.reset()
        for (const status of rollouts()) set(made, status)
      },
    })
  }
  gauge(
    'cutover_rollout_phase',
    'The phase of the rollout of a model: 1 for the one it is in',
    ['model', 'phase'],
    (made, { model, state }) => {
      for (const phase of PHASES) made.set({ model, phase }, phase === state.phase.kind ? 1 : 0)
    },
  )
  gauge(
    'cutover_rollout_weight_ratio',
    'Share of the traffic that goes to the candidate, 0 to 1',
    ['model'],
    (made, { model, state }) => {
      const { phase } = state
      const weight = 'weight' in phase ? phase.weight : phase.kind === 'promoting' ? 100 : 0
      made.set({ model }, weight / 100)
    },
  )
  gauge(
    'cutover_judge_log_evidence',
    'Natural logarithm of the evidence that the candidate is worse',
    ['model', 'metric'],
    (made, { model, verdict }) => {
      for (const { metric, logEvidence } of verdict?.metrics ?? []) {
        made.set({ model, metric }, logEvidence)
      }
    },
  )
  gauge(
    'cutover_judge_log_threshold',
    'Natural logarithm of the evidence at which a metric counts as worse',
    ['model', 'metric'],
    (made, { model, verdict }) => {
      for (const { metric, threshold } of verdict?.metrics ?? []) {
        made.set({ model, metric }, Math.log(threshold))
      }
    },
  )
}
