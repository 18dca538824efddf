/** What the policy sees of one version; `key` tells apart two states of the same number. */
export interface VersionView {
  readonly key: string
  readonly version: number
  /** The registry holds it. */
  readonly aspired: boolean
  readonly state: VersionStateKind
}

export type VersionStateKind = 'new' | 'loading' | 'ready' | 'draining' | 'rejected' | 'retrying'

/** From each state, the states that may follow. */
export const TRANSITIONS = {
  new: ['loading'],
  loading: ['ready', 'rejected', 'retrying', 'new'],
  ready: ['draining'],
  draining: ['new'],
  rejected: [],
  retrying: ['new'],
} as const satisfies Record<VersionStateKind, readonly VersionStateKind[]>

export interface ModelView {
  readonly versions: readonly VersionView[]
  /** Key of the version that takes the traffic. */
  readonly stable: string | undefined
  /** How many of the newest versions are kept loaded; at least 1. */
  readonly loadedMax: number
}

export type Action =
  | { readonly kind: 'load'; readonly key: string }
  | { readonly kind: 'route'; readonly key: string }
  | { readonly kind: 'drain'; readonly key: string }
  | { readonly kind: 'cancel'; readonly key: string }
  | { readonly kind: 'forget'; readonly key: string }

const FORGETTABLE: ReadonlySet<VersionStateKind> = new Set(['new', 'rejected', 'retrying'])

/**
 * The next step from what is loaded towards what is aspired, or undefined when there is nothing
 * to do now. Stateless: the same view gives the same answer, and performing the answers one after
 * the other ends.
 *
 * Availability-preserving: what takes the traffic leaves only when something else has taken it,
 * so an empty registry, or one with broken versions only, leaves the last good one serving.
 */
export function nextAction({ versions, stable, loadedMax }: ModelView): Action | undefined {
  const wanted = versions
    .filter(({ aspired, state }) => aspired && state !== 'rejected' && state !== 'retrying')
    .sort((a, b) => b.version - a.version)
    .slice(0, loadedMax)
  const best = wanted.find(({ state }) => state === 'ready')
  const isWanted = (view: VersionView) => wanted.includes(view)

  if (best !== undefined && best.key !== stable) {
    const current = versions.find(({ key }) => key === stable)
    if (current === undefined || !isWanted(current) || current.version <= best.version) {
      return { kind: 'route', key: best.key }
    }
  }
  for (const view of versions) {
    if (isWanted(view)) continue
    if (view.state === 'ready' && view.key !== stable) return { kind: 'drain', key: view.key }
    if (view.state === 'loading') return { kind: 'cancel', key: view.key }
    if (!view.aspired && FORGETTABLE.has(view.state)) return { kind: 'forget', key: view.key }
  }
  if (wanted.some(({ state }) => state === 'loading')) return undefined
  const next = wanted.find(({ state }) => state === 'new')
  return next === undefined ? undefined : { kind: 'load', key: next.key }
}
