/** Draws from a seeded stream: the same seed gives the same draws on every machine. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(...seeds: readonly number[]) {
    let [a, b, c] = [0x9e3779b9, 0x243f6a88, 0xb7e15162]
    for (const seed of seeds) {
      a = Math.imul(a ^ seed, 0x85ebca6b)
      b = Math.imul(b ^ (seed + 1) ^ (a >>> 13), 0xc2b2ae35)
      c = Math.imul(c ^ (seed + 2) ^ (b >>> 16), 0x27d4eb2f)
    }
    this.#a = a
    this.#b = b
    this.#c = c
    for (let i = 0; i < 20; i++) this.uniform()
  }

  /** In [0, 1). Doty-Humphrey's sfc32. */
  uniform(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + t) | 0
    return (t >>> 0) / 2 ** 32
  }

  exponential(mean: number): number {
    return -mean * Math.log1p(-this.uniform())
  }

  /** Box and Muller. */
  normal(): number {
    return Math.sqrt(this.exponential(2)) * Math.cos(2 * Math.PI * this.uniform())
  }

  /** Exact, by inversion of the distribution function; sums of smaller ones where that underflows. */
  binomial(n: number, p: number): number {
    if (n <= 0 || p <= 0) return 0
    if (p >= 1) return n
    if (p > 0.5) return n - this.binomial(n, 1 - p)
    if (n * p > EXPECTED_MAX) {
      const half = n >>> 1
      return this.binomial(half, p) + this.binomial(n - half, p)
    }
    let left = this.uniform()
    let k = 0
    const odds = p / (1 - p)
    let probability = Math.exp(n * Math.log1p(-p))
    while (left >= probability && k < n) {
      left -= probability
      k++
      probability *= (odds * (n - k + 1)) / k
    }
    return k
  }

  poisson(mean: number): number {
    if (mean <= 0) return 0
    if (mean > EXPECTED_MAX) return this.poisson(mean / 2) + this.poisson(mean / 2)
    let left = this.uniform()
    let k = 0
    let probability = Math.exp(-mean)
    while (left >= probability && probability > 0) {
      left -= probability
      k++
      probability *= mean / k
    }
    return k
  }

  multinomial(n: number, shares: readonly number[]): number[] {
    let left = n
    let rest = shares.reduce((sum, share) => sum + share, 0)
    return shares.map((share, index) => {
      const count = index === shares.length - 1 ? left : this.binomial(left, share / rest)
      left -= count
      rest -= share
      return count
    })
  }
}

/** Above, exp(-expected) loses its digits. */
const EXPECTED_MAX = 200
