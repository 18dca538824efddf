/** What one value says: the last dozen count. */
const SHARE = 0.1

/** The exponential moving average after `value`; Infinity: there was none before. */
export function smoothed(before: number, value: number): number {
  return before === Infinity ? value : before + SHARE * (value - before)
}
