/**
 * Upper bound of an error rate after n requests without one, valid at every n at once with
 * probability 1 − alpha: the beta-binomial confidence sequence with a uniform prior at y = 0,
 * 1 − (alpha / (n + 1))^(1/n).
 */
export function zeroErrorUpperBound(requests: number, alpha: number): number {
  if (requests === 0) return 1
  return -Math.expm1(Math.log(alpha / (requests + 1)) / requests)
}
