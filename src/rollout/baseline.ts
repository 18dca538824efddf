import { type Reference, STRATA, type Stratum } from '../domain/evidence.ts'
import type { JudgePolicy } from '../domain/rollout-policy.ts'
import { freezeReference } from './judge/evidence.ts'

const SAMPLES_MAX = 2_000
const CLASSES_MAX = 10_000

/** What the stable version was like lately: service times and classes. */
export class Baseline {
  readonly #times = new Map<Stratum, { readonly ring: Float64Array; count: number }>()
  readonly #classes = new Map<number, number>()

  add(stratum: Stratum, serviceMs: number, classIndex: number | undefined): void {
    let samples = this.#times.get(stratum)
    if (samples === undefined) {
      samples = { ring: new Float64Array(SAMPLES_MAX), count: 0 }
      this.#times.set(stratum, samples)
    }
    samples.ring[samples.count % SAMPLES_MAX] = serviceMs
    samples.count++
    if (classIndex === undefined) return
    const known = this.#classes.get(classIndex)
    if (known !== undefined || this.#classes.size < CLASSES_MAX) {
      this.#classes.set(classIndex, (known ?? 0) + 1)
    }
  }

  /** Another version is stable: what was seen says nothing of it. */
  clear(): void {
    this.#times.clear()
    this.#classes.clear()
  }

  /** Undefined while too little was seen of any stratum. */
  reference(policy: JudgePolicy): Reference | undefined {
    const times = Object.fromEntries(
      STRATA.flatMap((stratum) => {
        const samples = this.#times.get(stratum)
        if (samples === undefined) return []
        return [[stratum, samples.ring.subarray(0, Math.min(samples.count, SAMPLES_MAX))] as const]
      }),
    )
    const reference = freezeReference(times, this.#classes, policy)
    return Object.keys(reference.latencyEdgesMs).length === 0 ? undefined : reference
  }
}
