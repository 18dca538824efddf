/** Nearest-rank percentile, `fraction` in 0…1; NaN of no values. Leaves `values` as they are. */
export function percentile(values: Iterable<number>, fraction: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN
}

export function median(values: Iterable<number>): number {
  return percentile(values, 0.5)
}

/** Milliseconds since the epoch with fractions: comparable between processes of one machine. */
export function wallClockMs(): number {
  return performance.timeOrigin + performance.now()
}
