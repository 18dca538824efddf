import { CutoverError } from '../domain/errors.ts'
import type { DeploymentEvent } from '../domain/events.ts'
import type { PendingVersion, SourceStatus } from '../registry/source.ts'
import type { VersionStatus } from './manager.ts'
import { pick } from './pick.ts'
import type { RouteTable } from './route-table.ts'

const LOADING = 'no model is loaded yet'

/** What is served and what is known, at one moment. */
export interface Served {
  readonly table: RouteTable
  readonly models: ReadonlyMap<string, readonly VersionStatus[]>
  readonly pending: readonly PendingVersion[]
  readonly source: SourceStatus
  readonly defaultModel: string | undefined
}

/**
 * Why requests are not welcome yet, or undefined: nothing is served, the default model is not, or
 * one that is served has no engine. A model none of whose versions could be loaded does not count.
 */
export function unreadyReason(served: Served): string | undefined {
  const { table, defaultModel } = served
  if (table.size === 0) return nothingServed(served)
  if (defaultModel !== undefined && !table.has(defaultModel)) return unnamedRefusal(served)
  for (const [model, { stable }] of table) {
    if (stable.pool.enginesReady === 0) return `no engine of ${model} is up`
  }
  return undefined
}

/** Which requests are refused for want of a model, and why. */
export interface Refusal {
  readonly requests: 'all' | 'unnamed'
  readonly reason: string
}

/** After these, other requests may be refused than before. */
export const CHANGES_REFUSALS: ReadonlySet<DeploymentEvent['kind']> = new Set([
  'version.promoted',
  'version.rejected',
  'version.unloaded',
])

/** What it returns tells of a refusal once each time that other requests are refused than before. */
export function refusalTeller(served: () => Served, tell: (refusal: Refusal) => void): () => void {
  let told: Refusal['requests'] | undefined
  return () => {
    const refusal = refusalOf(served())
    if (refusal !== undefined && refusal.requests !== told) tell(refusal)
    told = refusal?.requests
  }
}

/** Undefined where none are, or where what is known is still on its way. */
function refusalOf(served: Served): Refusal | undefined {
  if (served.table.size === 0) {
    const reason = nothingServed(served)
    return reason === LOADING ? undefined : { requests: 'all', reason }
  }
  const reason = unnamedRefusal(served)
  return reason === undefined ? undefined : { requests: 'unnamed', reason }
}

function unnamedRefusal({ table, defaultModel }: Served): string | undefined {
  try {
    pick(table, {}, defaultModel)
    return undefined
  } catch (error) {
    if (error instanceof CutoverError) return error.message
    throw error
  }
}

function nothingServed({ models, pending, source: { location, unavailable } }: Served): string {
  if (unavailable !== undefined) {
    return `no model is loaded: ${location} cannot be read (${unavailable})`
  }
  const known = [...models].flatMap(([model, versions]) =>
    versions.map(({ version, entry: { state } }) => ({
      name: `${model} ${version}`,
      reason: 'reason' in state ? state.reason : undefined,
    })),
  )
  const failed = known.find(({ reason }) => reason !== undefined)
  if (failed !== undefined) return `no model is loaded: ${failed.name}: ${failed.reason}`
  const [coming] = pending
  if (coming !== undefined) {
    return `no model is loaded: ${coming.model} ${coming.version}: ${coming.reason}`
  }
  return known.length > 0
    ? LOADING
    : `no model is loaded: ${location} holds no version of one (expected NAME/VERSION/ with its files)`
}
