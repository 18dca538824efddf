/**
 * The exact confidence interval of a share after `hits` of `trials` (Clopper & Pearson 1934),
 * 95 % unless told: the shares at which so many hits, or so few, would be a surprise.
 */
export function clopperPearson(hits: number, trials: number, confidence = 0.95): [number, number] {
  const tail = (1 - confidence) / 2
  const lower = hits === 0 ? 0 : solve((p) => 1 - cumulative(hits - 1, trials, p) > tail)
  const upper = hits === trials ? 1 : solve((p) => cumulative(hits, trials, p) < tail)
  return [lower, upper]
}

/** The smallest p for which the condition, false at 0 and true at 1, holds. */
function solve(holds: (p: number) => boolean): number {
  let [low, high] = [0, 1]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) high = middle
    else low = middle
  }
  return high
}

/** P(X ≤ k) for X ~ Binomial(n, p), term by term in logarithms. */
function cumulative(k: number, n: number, p: number): number {
  let logTerm = n * Math.log1p(-p)
  let sum = Math.exp(logTerm)
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p)
    sum += Math.exp(logTerm)
  }
  return Math.min(1, sum)
}
