import type { ErrorCode } from '../domain/errors.ts'
import type { Stages } from '../domain/stages.ts'
import type { Route } from '../serving/route-table.ts'
import type { GatewayContext } from './context.ts'

/** How a request ended, whatever protocol it came by. */
export interface Outcome {
  /** Asked for only where it is logged. */
  readonly requestId: () => string
  readonly protocol: string
  readonly method: string
  readonly target: string
  readonly status: number
  readonly outcome: 'ok' | ErrorCode
  /** Undefined: it was refused before a version was picked. */
  readonly route: Route | undefined
  /** Undefined: no model ran. */
  readonly stages: Stages | undefined
  readonly examples: number
  readonly totalMs: number
}

/** The one place that counts and logs how requests end. */
export function recordOutcome(context: GatewayContext, ended: Outcome): void {
  const { metrics, logger, settings } = context
  const { protocol, outcome, route, stages, examples, totalMs } = ended
  const model = route?.servable.model ?? ''
  const version = route?.servable.version
  const track = route?.track ?? ''
  metrics.requestFinished({ model, version, track, protocol, outcome, totalMs, stages, examples })
  route?.servable.statistics.record({ isOk: outcome === 'ok', totalMs, stages, examples })
  if (settings.accessLog) {
    const { method, target: url, status } = ended
    const requestId = ended.requestId()
    const names = { requestId, method, url, status, outcome, model, version: String(version ?? '') }
    logger.info({ ...names, track, totalMs, ...stages }, 'request')
  }
}
