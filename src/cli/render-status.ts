import type { Phase } from '../domain/rollout.ts'
import type { ArmTraffic, RolloutReport } from '../domain/rollout-status.ts'
import type { MetricVerdict, Verdict } from '../domain/verdict.ts'
import { printable } from '../lib/printable.ts'

const BAR_CELLS = 20

/** A rollout as lines of text: what it does, on what evidence, and what comes next. */
export function renderStatus(status: RolloutReport): string[] {
  const { model, state, policy, verdict, traffic, problem, failed, policyProblem } = status
  const { stable, phase, pin, quarantine, lastDecision } = state
  const lines = [`${model}  ${describePhase(phase)}`]
  lines.push(`  stable     ${stable === null ? 'none' : stable.version}${pinText(pin, policy.pin)}`)
  if ('trial' in phase) {
    const { candidate, progress } = phase.trial
    lines.push(`  candidate  ${candidate.version}`)
    const weight = 'weight' in phase ? phase.weight : phase.kind === 'promoting' ? 100 : 0
    lines.push(`  weight     ${bar(weight / 100)} ${weight} %`)
    const step =
      phase.kind === 'shadow' ? policy.shadow : policy.steps.find((each) => each.weight >= weight)
    if (step !== undefined && (phase.kind === 'canary' || phase.kind === 'shadow')) {
      const seconds = (ms: number) => `${Math.round(ms / 1000)} s`
      lines.push(
        `  step       ${progress.requests} of ${step.minRequests} requests, ` +
          `${seconds(progress.durationMs)} of ${seconds(step.minDurationMs)}`,
      )
    }
  }
  if (traffic !== null) {
    lines.push(`  now        stable     ${describeTraffic(traffic.stable)}`)
    lines.push(`             candidate  ${describeTraffic(traffic.canary)}`)
  }
  if (verdict !== null) lines.push(...evidenceLines(verdict))
  if (quarantine.length > 0) {
    lines.push(`  quarantine ${quarantine.map(({ version }) => version).join(', ')}`)
  }
  for (const { version, reason } of failed) lines.push(`  failed     ${version}: ${reason}`)
  if (lastDecision !== null) lines.push(`  last       ${lastDecision.at}  ${lastDecision.text}`)
  for (const text of [problem, policyProblem]) {
    if (text !== null) lines.push(`  problem    ${text}`)
  }
  return lines.map(printable)
}

function describePhase(phase: Phase): string {
  switch (phase.kind) {
    case 'stable':
      return 'stable'
    case 'staged':
      return 'staged: the candidate is loading'
    case 'shadow':
      return 'shadow: the candidate gets copies'
    case 'canary':
      return `canary at ${phase.weight} %`
    case 'paused':
      return `paused at ${phase.weight} % (${phase.reason})`
    case 'promoting':
      return 'promoting'
    case 'rollingBack':
      return `rolling back: ${phase.cause}`
    case 'quarantined':
      return `version ${phase.candidate.version} is in quarantine: ${phase.cause}`
  }
}

function describeTraffic({ requestsPerSecond, serviceP50Ms, serviceP99Ms }: ArmTraffic): string {
  const rate = `${requestsPerSecond.toFixed(1)} requests/s`.padEnd(18)
  if (serviceP50Ms === null || serviceP99Ms === null) return rate.trimEnd()
  return `${rate} p50 ${serviceP50Ms.toFixed(1)} ms  p99 ${serviceP99Ms.toFixed(1)} ms`
}

function evidenceLines({ metrics, sentence }: Verdict): string[] {
  return [
    `  evidence   ${sentence}`,
    ...metrics.map((metric) => {
      const share = metric.logEvidence / Math.log(metric.threshold)
      const rates = `${rate(metric, 'canary')} vs ${rate(metric, 'stable')}`
      const name = [metric.metric, metric.detail ?? ''].join(' ').trim().padEnd(26)
      return `    ${name} ${bar(share)} ${rates}  ${metric.outcome}`
    }),
  ]
}

function rate(metric: MetricVerdict, arm: 'canary' | 'stable'): string {
  const { bad, requests } = metric[arm]
  return requests === 0 ? '–' : `${((100 * bad) / requests).toFixed(1)} %`
}

/** How far evidence is on its way to its threshold, by its logarithm; or a share. */
function bar(share: number): string {
  const filled = Math.round(BAR_CELLS * Math.min(1, Math.max(0, share)))
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}]`
}

function pinText(pin: number | null, ofPolicy: number | undefined): string {
  if (pin !== null) return `  (pinned to ${pin})`
  return ofPolicy === undefined ? '' : `  (pinned to ${ofPolicy} by model.json)`
}
