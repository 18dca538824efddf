import type { RegressionAction, RolloutPolicy } from '../../src/domain/rollout-policy.ts'
import type { RolloutState } from '../../src/domain/rollout.ts'
import { isBlockComplete } from '../../src/rollout/judge/block.ts'
import { initialRollout, nextStep } from '../../src/rollout/next-step.ts'
import type { StepInput, VersionInfo } from '../../src/rollout/step.ts'
import { weightOf } from '../../src/rollout/trial.ts'
import { encodeRolloutState, parseRolloutState } from '../../src/wire/rollout-state.ts'
import { NO_COUNTS, sumOf } from './counts.ts'
import { Random } from './random.ts'
import { argoRollouts } from './rules/argo-rollouts.ts'
import { flagger } from './rules/flagger.ts'
import { kayenta } from './rules/kayenta.ts'
import { INTERVAL_MS } from './rules/rule.ts'
import type { Scenario } from './scenario.ts'
import { type Tick, Traffic } from './traffic.ts'

export const RULES = ['cutover', 'Flagger', 'Argo Rollouts', 'Kayenta'] as const

export type RuleName = (typeof RULES)[number]

/** How one rule ended one rollout; `held`: neither way in the time that the scenario gives. */
export interface Ending {
  readonly outcome: 'rolledBack' | 'paused' | 'promoted' | 'held'
  readonly canaryRequests: number
  /** Requests to the candidate that failed or got an invalid answer until then. */
  readonly lost: number
  /** Of cutover: the metric that decided. */
  readonly metric?: string | undefined
}

export type RunResult = Readonly<Record<RuleName, Ending>>

const VERSIONS: readonly VersionInfo[] = [7, 8].map((version) => ({
  version,
  digest: `digest-${version}`,
  aspired: true,
  status: 'ready',
}))

/**
 * One rollout on a virtual clock, by the functions that the server runs, and the same traffic
 * shown to the rules of other controllers. Once cutover has decided, the ramp goes on without
 * acting on regressions until the other rules have had their say.
 */
export function simulateRun(scenario: Scenario, seed: number, index: number): RunResult {
  const random = new Random(seed, hashOf(scenario.name), index)
  const traffic = new Traffic(scenario, random)
  const controller = new Controller(scenario, traffic)
  const others = [flagger(), argoRollouts(), kayenta()]
  const endings: Partial<Record<RuleName, Ending>> = {}
  const nextRestart = () => {
    const { restarts } = scenario
    return restarts === undefined ? Infinity : random.exponential(restarts.everyMean)
  }
  let restartAt = nextRestart()
  let interval = { canary: NO_COUNTS, stable: NO_COUNTS }
  let canaryRequests = 0
  let lost = 0
  const end = (name: RuleName, outcome: Ending['outcome'], metric?: string) => {
    endings[name] ??= { outcome, canaryRequests, lost, metric }
  }

  for (let ms = 0; ms < scenario.maxDuration; ms += scenario.tick) {
    const tick = traffic.tick(ms, controller.weight)
    canaryRequests += tick.canary.requests
    lost += tick.canary.errors + tick.canary.invalid
    controller.count(tick)
    if (ms >= restartAt) {
      controller.restart()
      restartAt = ms + nextRestart()
    }
    const { decision } = controller
    if (decision !== undefined) end('cutover', decision.outcome, decision.metric)

    interval = {
      canary: sumOf(interval.canary, tick.canary),
      stable: sumOf(interval.stable, tick.stable),
    }
    if ((ms + scenario.tick) % INTERVAL_MS < scenario.tick) {
      for (const rule of others) {
        const name = RULES.find((each) => each === rule.name)
        if (name !== undefined && endings[name] === undefined && rule.observe(interval)) {
          end(name, 'rolledBack')
        }
      }
      interval = { canary: NO_COUNTS, stable: NO_COUNTS }
    }
    if (RULES.every((name) => endings[name] !== undefined)) break
    if (controller.isPromoted) break
  }
  for (const name of RULES) end(name, controller.isPromoted ? 'promoted' : 'held')
  return endings as RunResult
}

/** What the server's controller does, with nothing to perform. */
class Controller {
  /** How the real policy ended the rollout, if it did before the promotion. */
  decision: { outcome: 'rolledBack' | 'paused'; metric: string | undefined } | undefined
  readonly #scenario: Scenario
  readonly #traffic: Traffic
  #policy: RolloutPolicy
  #state: RolloutState
  #block: Tick
  #elapsedMs = 0
  #nonces = 0

  constructor(scenario: Scenario, traffic: Traffic) {
    this.#scenario = scenario
    this.#traffic = traffic
    this.#policy = scenario.policy
    this.#state = initialRollout('model', 'n')
    this.#block = NO_TICK
    this.#settle({ versions: VERSIONS.slice(0, 1) })
    this.#settle({ reference: traffic.reference })
  }

  get weight(): number {
    return weightOf(this.#state.phase)
  }

  get isPromoted(): boolean {
    return this.#state.stable?.version === VERSIONS[1]?.version
  }

  count(tick: Tick): void {
    this.#block = {
      canary: sumOf(this.#block.canary, tick.canary),
      stable: sumOf(this.#block.stable, tick.stable),
      crashes: NO_TICK.crashes,
    }
    this.#elapsedMs += this.#scenario.tick
    const requests = this.#block.canary.requests + this.#block.stable.requests
    const seen = { elapsedMs: this.#elapsedMs, requests }
    const { crashes } = tick
    const isComplete = isBlockComplete(seen, this.weight, this.#policy.judge.blockMs)
    if (!isComplete && crashes.canary + crashes.stable === 0) return
    const blocks = isComplete ? [this.#closeBlock()] : []
    const before = this.#state
    this.#settle({ blocks, crashes, reference: this.#traffic.reference })
    this.#noteDecision(before)
  }

  /** As after kill -9: what was stored is read back, and the open block is lost. */
  restart(): void {
    this.#state = parseRolloutState(encodeRolloutState(this.#state), 'state.json')
    this.#block = NO_TICK
    this.#elapsedMs = 0
  }

  #closeBlock() {
    const { phase } = this.#state
    const { canary, stable } = this.#block
    const trial = 'trial' in phase ? phase.trial.id : ''
    const block = { trial, weight: this.weight, durationMs: this.#elapsedMs, canary, stable }
    this.#block = NO_TICK
    this.#elapsedMs = 0
    return block
  }

  #noteDecision(before: RolloutState): void {
    const { kind } = this.#state.phase
    if (this.decision !== undefined || (kind !== 'quarantined' && kind !== 'paused')) return
    this.decision = {
      outcome: kind === 'paused' ? 'paused' : 'rolledBack',
      metric: this.#metric,
    }
    // The ramp goes on for the other rules, from where it was.
    this.#policy = observing(this.#policy)
    this.#state = before
  }

  #metric: string | undefined

  #settle(input: Partial<StepInput>): void {
    let more: Partial<StepInput> = input
    for (;;) {
      const { state, events, lookAgainAfterMs } = nextStep(this.#state, {
        policy: this.#policy,
        versions: VERSIONS,
        blocks: [],
        crashes: NO_TICK.crashes,
        now: EPOCH,
        unmovedMs: 0,
        nonce: `n${++this.#nonces}`,
        ...more,
      })
      this.#state = state
      const failed = events
        .find(({ kind }) => kind === 'rollout.rollingBack' || kind === 'rollout.paused')
        ?.verdict?.metrics.filter(({ outcome }) => outcome === 'fail')
      this.#metric ??= failed?.[0]?.metric
      if (lookAgainAfterMs > 0) return
      more = input.versions === undefined ? {} : { versions: input.versions }
    }
  }
}

const EPOCH = new Date(0)

const NO_TICK: Tick = { canary: NO_COUNTS, stable: NO_COUNTS, crashes: { canary: 0, stable: 0 } }

function observing(policy: RolloutPolicy): RolloutPolicy {
  const onRegression: RegressionAction = 'observe'
  const { judge } = policy
  return {
    ...policy,
    onRegression,
    judge: {
      ...judge,
      errors: { ...judge.errors, onRegression },
      latency: { ...judge.latency, onRegression },
      invalid: { ...judge.invalid, onRegression },
      classes: { ...judge.classes, onRegression },
      crashes: { ...judge.crashes, onRegression },
    },
  }
}

/** FNV-1a, so that scenarios of one seed do not share their draws. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return hash >>> 0
}
