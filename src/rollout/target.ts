import type { RolloutState, VersionRef } from '../domain/rollout.ts'
import type { StepInput, VersionInfo } from './step.ts'
import { trialOf } from './trial.ts'

/** The version that should become stable, if it is not yet. */
export interface Target {
  readonly version?: VersionRef | undefined
  /** A person chose it: it takes the traffic as soon as it is ready. */
  readonly isPinned: boolean
  readonly problem?: string | undefined
}

/**
 * The pinned version; without a pin the newest that the registry holds, that could be loaded and
 * is not in quarantine, if it is newer than the stable one or the stable one was withdrawn.
 */
export function targetOf(state: RolloutState, { policy, versions }: StepInput): Target {
  const pin = state.pin ?? policy.pin
  if (pin !== undefined) return pinnedTarget(state, versions, pin)
  const { stable } = state
  // Files that were changed in place: another version of the same number.
  const rank = (digest: string) => (digest === stable?.digest ? 1 : 0)
  const best = versions
    .flatMap(({ aspired, status, version, digest }) =>
      aspired && status !== 'rejected' && digest !== null && !isQuarantined(state, digest)
        ? [{ version, digest }]
        : [],
    )
    .sort((a, b) => b.version - a.version || rank(a.digest) - rank(b.digest))[0]
  if (best === undefined || best.digest === stable?.digest) return { isPinned: false }
  const isStableAspired = infoOf(versions, stable)?.aspired === true
  const isOlder = stable !== null && isStableAspired && best.version < stable.version
  return isOlder ? { isPinned: false } : { version: best, isPinned: false }
}

function pinnedTarget(state: RolloutState, versions: readonly VersionInfo[], pin: number): Target {
  const there = pinnable(state, versions)
  const matches = there.filter(({ version }) => version === pin)
  const digest = state.stable?.version === pin ? state.stable.digest : undefined
  const pinned = matches.find((each) => each.digest === digest) ?? matches[0]
  const serving = state.stable === null ? 'nothing is served' : `serving ${state.stable.version}`
  if (pinned === undefined) {
    return {
      isPinned: true,
      problem: `pinned to version ${pin}, which is not there (${numbersOf(there) || 'none is'}): ${serving}`,
    }
  }
  const { digest: wanted } = pinned
  if (wanted === null) {
    return { isPinned: true, problem: `pinned to version ${pin}, which is being read: ${serving}` }
  }
  if (isQuarantined(state, wanted) && pinned.digest !== state.stable?.digest) {
    return {
      isPinned: true,
      problem: `pinned to version ${pin}, which is in quarantine: retry it or unpin it; ${serving}`,
    }
  }
  if (pinned.status === 'rejected') {
    return {
      isPinned: true,
      problem: `pinned to version ${pin}, which cannot be loaded: ${serving}`,
    }
  }
  if (wanted === state.stable?.digest) return { isPinned: true }
  return { isPinned: true, version: { version: pin, digest: wanted } }
}

/** What a pin may name: what leaves the registry is served on, but never begun with. */
export function pinnable(
  { stable }: RolloutState,
  versions: readonly VersionInfo[],
): readonly VersionInfo[] {
  return versions.filter(({ aspired, digest }) => aspired || digest === stable?.digest)
}

/** `7, 8` */
export function numbersOf(versions: readonly VersionInfo[]): string {
  return versions
    .map(({ version }) => version)
    .sort((a, b) => a - b)
    .join(', ')
}

/** What is known of a version. Right after a start its number may be there before its digest. */
export function infoOf(
  versions: readonly VersionInfo[],
  ref: VersionRef | null,
): VersionInfo | undefined {
  if (ref === null) return undefined
  return (
    versions.find(({ digest }) => digest === ref.digest) ??
    versions.find(({ version, digest }) => version === ref.version && digest === null)
  )
}

export function isReady(versions: readonly VersionInfo[], ref: VersionRef | null): boolean {
  return infoOf(versions, ref)?.status === 'ready'
}

/** Whether there is nothing to go back to: no stable version, or none that can be loaded. */
export function isStableLost({ stable }: RolloutState, versions: readonly VersionInfo[]): boolean {
  const status = infoOf(versions, stable)?.status
  return status !== 'loading' && status !== 'ready'
}

/**
 * The candidate, where it is ready and the stable version is lost: it takes the traffic of this
 * server, for something must serve. That is no decision of the rollout's: other servers may have
 * the stable version.
 */
export function substituteOf(
  state: RolloutState,
  versions: readonly VersionInfo[],
): VersionRef | undefined {
  const candidate = trialOf(state.phase)?.candidate
  if (state.stable === null || candidate === undefined) return undefined
  const isNeeded = isStableLost(state, versions) && isReady(versions, candidate)
  return isNeeded ? candidate : undefined
}

/** Of a stable version that is not ready. */
export function whyNoWayBack(state: RolloutState, versions: readonly VersionInfo[]): string {
  return state.stable === null || isStableLost(state, versions)
    ? 'there is no stable version to go back to'
    : `version ${state.stable.version}, to go back to, is not ready yet`
}

export function isQuarantined({ quarantine }: RolloutState, digest: string | null): boolean {
  return quarantine.some((each) => each.digest === digest)
}
