import { type Reference, STRATA, type Stratum } from '../domain/evidence.ts'
import type { JudgePolicy } from '../domain/rollout-policy.ts'
import type { Outcome } from './block-recorder.ts'
import { freezeReference } from './judge/evidence.ts'

/** Service times that are remembered of each stratum: the newest. */
const TIMES_MAX = 2_000
const CLASSES_MAX = 1_000
/** Requests before there is anything to hold a candidate against. */
const REQUESTS_MIN = 100

/** Remembers what a version was like while it was stable, for the reference of a trial. */
export class ReferenceSampler {
  readonly #times = new Map<Stratum, Float64Array>(
    STRATA.map((stratum) => [stratum, new Float64Array(TIMES_MAX)]),
  )
  readonly #counts = new Map<Stratum, number>()
  readonly #classes = new Map<number, number>()
  #requests = 0

  add(outcome: Outcome): void {
    if (outcome.kind !== 'answered') return
    const { place, serviceMs, classIndex } = outcome
    this.#addTime(place, serviceMs)
    if (place !== 'alone') this.#addTime('engine', serviceMs)
    this.#requests++
    if (classIndex === undefined) return
    const known = this.#classes.get(classIndex)
    if (known === undefined && this.#classes.size >= CLASSES_MAX) return
    this.#classes.set(classIndex, (known ?? 0) + 1)
  }

  #addTime(stratum: Stratum, serviceMs: number): void {
    const count = this.#counts.get(stratum) ?? 0
    const times = this.#times.get(stratum)
    if (times !== undefined) times[count % TIMES_MAX] = serviceMs
    this.#counts.set(stratum, count + 1)
  }

  /** Undefined until enough was seen. */
  reference(policy: JudgePolicy): Reference | undefined {
    if (this.#requests < REQUESTS_MIN) return undefined
    const times: Partial<Record<Stratum, Float64Array>> = {}
    for (const stratum of STRATA) {
      const count = Math.min(TIMES_MAX, this.#counts.get(stratum) ?? 0)
      const all = this.#times.get(stratum)
      if (all !== undefined) times[stratum] = all.subarray(0, count)
    }
    return freezeReference(times, this.#classes, policy)
  }
}
