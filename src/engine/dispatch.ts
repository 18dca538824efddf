/** What the dispatcher sees of an engine that is up. */
export interface EngineLoad {
  readonly inflight: number
  /** It runs a request that must have the process to itself. */
  readonly exclusive: boolean
  /** It keeps a session that uses every core. */
  readonly hasAlone: boolean
}

export interface Waiting {
  /** A request that was in a process that died waits for a process of its own. */
  readonly suspects: boolean
  readonly requests: boolean
  /** No other request is anywhere in the server. */
  readonly alone: boolean
}

export type Dispatch =
  | { readonly kind: 'suspect'; readonly engine: number }
  | { readonly kind: 'request'; readonly engine: number }
  | { readonly kind: 'wait' }

/** An engine gets this much work ahead: less than anybody notices, more than a message costs. */
const WORK_AHEAD_MS = 1
const SHORT_INFLIGHT_MAX = 32

/**
 * How many requests an engine may hold at a time: the configured number, or as many more as
 * together take it a millisecond, so that it never waits for the next short one.
 */
export function inflightMaxFor(serviceMs: number, configuredMax: number): number {
  const ahead = Math.min(SHORT_INFLIGHT_MAX, Math.floor(WORK_AHEAD_MS / serviceMs))
  return Math.max(configuredMax, ahead)
}

/**
 * Which waiting request goes to which engine next.
 *
 * Central dispatch to the least busy engine keeps every core at work. A suspect runs with no
 * other request in its process, so that if it kills that one too the culprit is certain and
 * nobody else is hurt. While one waits, the least busy engine takes nothing new until it is empty.
 */
export function nextDispatch(
  engines: readonly EngineLoad[],
  waiting: Waiting,
  inflightMax: number,
): Dispatch {
  let reserved = -1
  if (waiting.suspects) {
    reserved = leastBusy(engines, Infinity, -1)
    if (engines[reserved]?.inflight === 0) return { kind: 'suspect', engine: reserved }
  }
  if (!waiting.requests) return { kind: 'wait' }
  if (waiting.alone) {
    const wide = engines.findIndex(({ hasAlone, inflight }) => hasAlone && inflight === 0)
    if (wide >= 0) return { kind: 'request', engine: wide }
  }
  const engine = leastBusy(engines, inflightMax, reserved)
  return engine < 0 ? { kind: 'wait' } : { kind: 'request', engine }
}

function leastBusy(engines: readonly EngineLoad[], inflightMax: number, except: number): number {
  let best = -1
  let bestInflight = inflightMax
  for (let i = 0; i < engines.length; i++) {
    const { inflight = 0, exclusive = true } = engines[i] ?? {}
    if (exclusive || i === except || inflight >= bestInflight) continue
    best = i
    bestInflight = inflight
  }
  return best
}
