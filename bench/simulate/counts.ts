import { type ArmCounts, type LatencyCounts, STRATA } from '../../src/domain/evidence.ts'

export const NO_COUNTS: ArmCounts = { requests: 0, errors: 0, invalid: 0, latency: {}, classes: [] }

export function sumOf(a: ArmCounts, b: ArmCounts): ArmCounts {
  const latency: Partial<Record<(typeof STRATA)[number], LatencyCounts>> = {}
  for (const stratum of STRATA) {
    const [x, y] = [a.latency[stratum], b.latency[stratum]]
    if (x === undefined && y === undefined) continue
    latency[stratum] = {
      requests: (x?.requests ?? 0) + (y?.requests ?? 0),
      slower: added(x?.slower ?? [], y?.slower ?? []),
    }
  }
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    invalid: a.invalid + b.invalid,
    latency,
    classes: added(a.classes, b.classes),
  }
}

function added(a: readonly number[], b: readonly number[]): number[] {
  return (a.length >= b.length ? a : b).map((_, index) => (a[index] ?? 0) + (b[index] ?? 0))
}
