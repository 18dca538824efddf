import { z } from 'zod'

import { parseDuration } from '../../src/lib/duration.ts'

/** `"10m"`, in milliseconds. */
export const durationMs = z
  .string('expected a duration such as "10m"')
  .transform((text) => parseDuration(text))
  .pipe(z.number('expected a duration such as "10m"'))

/** A number that may change over time: constant, up and down, or along points. */
export const series = z.union(
  [
    z.number().min(0),
    z.strictObject({
      mean: z.number().min(0),
      swing: z.number().min(0).max(1),
      period: durationMs,
    }),
    z.strictObject({ points: z.array(z.tuple([durationMs, z.number().min(0)])).min(1) }),
  ],
  'expected a number, {"mean", "swing", "period"} or {"points": [["10m", 1], …]}',
)

export type Series = z.output<typeof series>

/** The value after `ms`. A swing of 0.8 goes from 0.2 to 1.8 times the mean. */
export function valueAt(value: Series, ms: number): number {
  if (typeof value === 'number') return value
  if ('mean' in value) {
    return value.mean * (1 + value.swing * Math.sin((2 * Math.PI * ms) / value.period))
  }
  const { points } = value
  const next = points.findIndex(([at]) => at > ms)
  const [from, to] = [points[next === -1 ? points.length - 1 : next - 1], points[next]]
  if (from === undefined) return to?.[1] ?? 0
  if (to === undefined) return from[1]
  return from[1] + ((to[1] - from[1]) * (ms - from[0])) / (to[0] - from[0])
}
