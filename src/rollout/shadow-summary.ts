import type { ShadowSummary } from '../domain/shadow-summary.ts'

/** Classes that are counted one by one; those that come later count in the totals alone. */
const SHADOW_CLASSES_MAX = 100

export const NOTHING_COMPARED: ShadowSummary = { compared: 0, agreed: 0, distance: 0, classes: {} }

/** The best class of each version for one request, and how far apart their scores are. */
export interface ShadowComparison {
  readonly stableClass: number
  readonly candidateClass: number
  /** Half the sum of absolute differences of probabilities (total variation), 0 to 1. */
  readonly distance: number
}

export function withComparison(
  before: ShadowSummary,
  { stableClass, candidateClass, distance }: ShadowComparison,
): ShadowSummary {
  const agrees = stableClass === candidateClass
  const key = String(stableClass)
  const known = before.classes[key]
  const isCounted = known !== undefined || Object.keys(before.classes).length < SHADOW_CLASSES_MAX
  const counted = {
    compared: (known?.compared ?? 0) + 1,
    disagreed: (known?.disagreed ?? 0) + (agrees ? 0 : 1),
  }
  return {
    compared: before.compared + 1,
    agreed: before.agreed + (agrees ? 1 : 0),
    distance: before.distance + distance,
    classes: isCounted ? { ...before.classes, [key]: counted } : before.classes,
  }
}

/** Total variation distance of two vectors of probabilities of one length, 0 to 1. */
export function totalVariation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0))
  return Math.min(1, sum / 2)
}

/** Share of equal best classes; 1 of nothing, for nothing was seen to differ. */
export function agreementOf({ compared, agreed }: ShadowSummary): number {
  return compared === 0 ? 1 : agreed / compared
}

/** The classes on which the versions differ most often, by count. */
export function worstClasses(summary: ShadowSummary, count: number) {
  return Object.entries(summary.classes)
    .filter(([, { disagreed }]) => disagreed > 0)
    .sort((a, b) => b[1].disagreed - a[1].disagreed)
    .slice(0, count)
    .map(([index, counts]) => ({ class: Number(index), ...counts }))
}
