/**
 * Published sequential tests, written from their formulas. They are the yardstick that the judge's
 * own arithmetic is held against, and no part of it.
 */

/** Lanczos' approximation (g = 7, n = 9): 15 digits for x > 0. */
export function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
    1.5056327351493116e-7,
  ]
  const z = x - 1
  const sum = coefficients.reduce((total, c, i) => total + (i === 0 ? c : c / (z + i)), 0)
  const t = z + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}

/**
 * Lindon & Malek (arXiv 2011.03567): the p-value of counts against fixed shares θ0, with a
 * Dirichlet(k·θ0) mixture over the alternatives.
 */
export function multinomialP(theta0: readonly number[], counts: readonly number[], k = 100) {
  const prior = theta0.map((theta) => k * theta)
  const posterior = prior.map((alpha, i) => alpha + (counts[i] ?? 0))
  const logBayes =
    logBeta(posterior) -
    logBeta(prior) -
    counts.reduce((sum, count, i) => sum + count * Math.log(theta0[i] ?? 1), 0)
  return Math.min(1, Math.exp(-logBayes))
}

/** Half-width of Howard & Ramdas' time-uniform DKW band (arXiv 1906.09712), constant C = 8.1227. */
export function dkwHalfWidth(n: number, m: number): number {
  return 0.85 * Math.sqrt((Math.log(1 + Math.log(n / m)) + 8.1227) / n)
}

/** Robbins' two-sided normal mixture: logarithm of the supermartingale at sum s, variance v. */
export function normalMixtureLog(s: number, v: number, rho: number): number {
  return 0.5 * Math.log(rho / (v + rho)) + (s * s) / (2 * (v + rho))
}

/** The ρ that makes the mixture tightest at variance v. */
export function bestRho(v: number, alpha: number): number {
  return v / (2 * Math.log(1 / alpha) + Math.log(1 + 2 * Math.log(1 / alpha)))
}

/**
 * The confidence sequence of a Bernoulli share by Howard et al.'s beta-binomial mixture, tuned for
 * `tuned` trials: the shares whose supermartingale stays below 1/alpha.
 */
export function bernoulliInterval(s: number, n: number, alpha: number, tuned: number) {
  const logMixture = (p: number) => {
    const v = p * (1 - p)
    const r = Math.max(bestRho(tuned * v, 0.05) - v, 1e-3 * v)
    const prior = [r / (1 - p), r / p] as const
    return (
      logBeta([prior[0] + s, prior[1] + n - s]) -
      logBeta(prior) -
      s * Math.log(p) -
      (n - s) * Math.log1p(-p)
    )
  }
  const solve = (inside: number, outside: number) => {
    let [low, high] = [inside, outside]
    for (let i = 0; i < 80; i++) {
      const middle = (low + high) / 2
      if (logMixture(middle) > Math.log(1 / alpha)) high = middle
      else low = middle
    }
    return low
  }
  return [solve(s / n, 1e-9), solve(s / n, 1 - 1e-9)] as const
}

export function normalMixtureBound(v: number, rho: number, alpha: number): number {
  return Math.sqrt((v + rho) * (Math.log((v + rho) / rho) - 2 * Math.log(alpha)))
}

/** mSPRT for means of equal samples (Johari et al., arXiv 1512.04922), V = 2σ². */
export function msprt(n: number, d: number, sigma: number, tauSquared: number): number {
  const v = 2 * sigma * sigma
  return (
    Math.sqrt(v / (v + n * tauSquared)) *
    Math.exp((n * n * tauSquared * d * d) / (2 * v * (v + n * tauSquared)))
  )
}

/** A block's multinomial e-value against a common vector of shares. */
export function logMultinomialFactor(
  pc: readonly number[],
  ps: readonly number[],
  yc: readonly number[],
  ys: readonly number[],
): number {
  const nc = yc.reduce((sum, y) => sum + y, 0)
  const ns = ys.reduce((sum, y) => sum + y, 0)
  return pc.reduce((total, c, i) => {
    const s = ps[i] ?? 0
    const p0 = (nc * c + ns * s) / (nc + ns)
    return total + (yc[i] ?? 0) * Math.log(c / p0) + (ys[i] ?? 0) * Math.log(s / p0)
  }, 0)
}

function logBeta(alphas: readonly number[]): number {
  const sum = alphas.reduce((total, alpha) => total + alpha, 0)
  return alphas.reduce((total, alpha) => total + logGamma(alpha), 0) - logGamma(sum)
}
