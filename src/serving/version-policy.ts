/** What the policy sees of one version; `key` tells apart two states of the same number. */
export interface VersionView {
  readonly key: string
  readonly version: number
  /** The registry holds it. */
  readonly aspired: boolean
  /** Its digest is in quarantine. */
  readonly refused: boolean
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
  /** Keys of the versions that the routes need, the most needed first. */
  readonly needed: readonly string[]
  /** How many of the newest versions are kept loaded beside those. */
  readonly loadedMax: number
}

export type Action =
  | { readonly kind: 'load'; readonly key: string }
  | { readonly kind: 'drain'; readonly key: string }
  | { readonly kind: 'cancel'; readonly key: string }
  | { readonly kind: 'forget'; readonly key: string }

const FORGETTABLE: ReadonlySet<VersionStateKind> = new Set(['new', 'rejected', 'retrying'])

/**
 * The next step from what is loaded towards what is aspired, or undefined when there is nothing
 * to do now. Stateless: the same view gives the same answer, and performing the answers one after
 * the other ends.
 *
 * Availability-preserving: what the routes need stays, whatever the registry says; it leaves when
 * they need something else. So an empty registry, or one with broken versions only, leaves the
 * last good one serving.
 */
export function nextAction({ versions, needed, loadedMax }: ModelView): Action | undefined {
  const loadable = versions.filter(
    ({ aspired, refused, state }) =>
      aspired && !refused && state !== 'rejected' && state !== 'retrying',
  )
  const newest = [...loadable].sort((a, b) => b.version - a.version).slice(0, loadedMax)
  const inNeed = needed.flatMap((key) => versions.find((view) => view.key === key) ?? [])
  const isWanted = (view: VersionView) => inNeed.includes(view) || newest.includes(view)

  for (const view of versions) {
    if (!view.aspired && FORGETTABLE.has(view.state)) return { kind: 'forget', key: view.key }
    if (isWanted(view)) continue
    if (view.state === 'ready') return { kind: 'drain', key: view.key }
    if (view.state === 'loading') return { kind: 'cancel', key: view.key }
  }
  const wanted = [...inNeed, ...newest]
  if (wanted.some(({ state }) => state === 'loading')) return undefined
  const next = wanted.find((view) => view.state === 'new' && loadable.includes(view))
  return next === undefined ? undefined : { kind: 'load', key: next.key }
}
