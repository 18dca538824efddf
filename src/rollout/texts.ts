import type { Operator, RolloutState, VersionRef } from '../domain/rollout.ts'

/** `flowers 7 → 8` */
export function nameOf({ model, stable }: RolloutState, candidate: VersionRef): string {
  const from = stable === null ? '' : `${stable.version} → `
  return `${model} ${from}${candidate.version}`
}

/** ` by ann (looks odd)` */
export function byOf({ who, reason }: Operator): string {
  return ` by ${who}${reason === '' ? '' : ` (${reason})`}`
}
