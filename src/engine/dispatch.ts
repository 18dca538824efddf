/** What the dispatcher sees of an engine. */
export interface EngineLoad {
  /** It takes requests. */
  readonly alive: boolean
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
/** So much is done by one engine before another one has woken up. */
const WORK_TOGETHER_MS = 0.2
const SHORT_INFLIGHT_MAX = 32

/** How many requests an engine may hold at a time. */
export interface Inflight {
  readonly max: number
  /** While it holds some, but fewer than these, the next goes there as well. */
  readonly together: number
}

/**
 * The configured number, or as many more as together take an engine a millisecond, so that it
 * never waits for the next short one. Those that are over in no time share their messages. Where
 * requests share runs, a run's worth of them waits while another one runs.
 */
export function inflightFor(
  serviceMs: number,
  configuredMax: number,
  batchSizeMax: number,
): Inflight {
  const within = (ms: number) => Math.min(SHORT_INFLIGHT_MAX, Math.floor(ms / serviceMs))
  return {
    max: Math.max(configuredMax, within(WORK_AHEAD_MS), 2 * batchSizeMax),
    together: within(WORK_TOGETHER_MS),
  }
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
  inflight: Inflight,
): Dispatch {
  let reserved = -1
  if (waiting.suspects) {
    reserved = leastBusy(engines, Infinity, -1)
    if (engines[reserved]?.inflight === 0) return { kind: 'suspect', engine: reserved }
  }
  if (!waiting.requests) return { kind: 'wait' }
  if (waiting.alone) {
    const wide = engines.findIndex(
      ({ alive, hasAlone, inflight }) => alive && hasAlone && inflight === 0,
    )
    if (wide >= 0) return { kind: 'request', engine: wide }
  }
  const shared = engines.findIndex(
    (engine, i) =>
      isOpen(engine) &&
      i !== reserved &&
      engine.inflight > 0 &&
      engine.inflight < inflight.together,
  )
  const engine = shared >= 0 ? shared : leastBusy(engines, inflight.max, reserved)
  return engine < 0 ? { kind: 'wait' } : { kind: 'request', engine }
}

function leastBusy(engines: readonly EngineLoad[], inflightMax: number, except: number): number {
  let best = -1
  let bestInflight = inflightMax
  for (let i = 0; i < engines.length; i++) {
    const engine = engines[i]
    if (engine === undefined || !isOpen(engine) || i === except) continue
    if (engine.inflight >= bestInflight) continue
    best = i
    bestInflight = engine.inflight
  }
  return best
}

function isOpen({ alive, exclusive }: EngineLoad): boolean {
  return alive && !exclusive
}
