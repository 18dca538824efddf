import { type ArmCounts, EDGE_QUANTILES, type Reference } from '../../src/domain/evidence.ts'
import { freezeReference } from '../../src/rollout/judge/evidence.ts'
import { burstProcess } from './bursts.ts'
import type { Random } from './random.ts'
import type { Arm, Scenario } from './scenario.ts'
import { valueAt } from './series.ts'
import { drawServiceTimeMs, exceedance, quantileMs } from './service-time.ts'

/** What both versions did in one tick. */
export interface Tick {
  readonly canary: ArmCounts
  readonly stable: ArmCounts
  readonly crashes: { readonly canary: number; readonly stable: number }
}

/** The world of one simulated rollout: what clients send and how the two versions take it. */
export class Traffic {
  readonly reference: Reference
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #bursts: {
    readonly canary: (ms: number) => boolean
    readonly stable: (ms: number) => boolean
  }
  readonly #tails = new Map<Arm, { factor: number; tails: readonly number[] }>()

  constructor(scenario: Scenario, random: Random) {
    this.#scenario = scenario
    this.#random = random
    const shared = burstProcess(scenario.bursts, random)
    this.#bursts =
      scenario.bursts?.scope === 'each'
        ? { canary: shared, stable: burstProcess(scenario.bursts, random) }
        : { canary: shared, stable: shared }
    this.reference = referenceOf(scenario, random)
  }

  /** The tick that begins at `ms`, at a weight in per cent. Ask in ascending order of time. */
  tick(ms: number, weight: number): Tick {
    const { traffic, tick, stable, canary } = this.#scenario
    const random = this.#random
    const mean = (valueAt(traffic.requestsPerSecond, ms) * tick) / 1000
    const requests = random.poisson(mean)
    const share = Math.min(1, (weight / 100) * traffic.realisedWeight)
    const nc = random.binomial(requests, share)
    const ns = requests - nc
    return {
      canary: this.#arm(canary, nc, ms, this.#bursts.canary(ms)),
      stable: this.#arm(stable, ns, ms, this.#bursts.stable(ms)),
      crashes: {
        canary: random.poisson((nc * canary.crashesPerThousand) / 1000),
        stable: random.poisson((ns * stable.crashesPerThousand) / 1000),
      },
    }
  }

  #arm(arm: Arm, requests: number, ms: number, isBurst: boolean): ArmCounts {
    const random = this.#random
    const { bursts } = this.#scenario
    const own = Math.min(1, valueAt(arm.errorRate, ms))
    const errorRate = isBurst ? 1 - (1 - own) * (1 - (bursts?.errorRate ?? 0)) : own
    const errors = random.binomial(requests, errorRate)
    const invalid = random.binomial(requests - errors, Math.min(1, valueAt(arm.invalidRate, ms)))
    const factor = valueAt(arm.latencyFactor, ms) * (isBurst ? (bursts?.latencyFactor ?? 1) : 1)
    const slower: number[] = []
    let among = requests
    let before = 1
    for (const tail of this.#tailsOf(arm, factor)) {
      among = random.binomial(among, tail / before)
      before = tail
      slower.push(among)
    }
    const answered = requests - errors - invalid
    const drawn = random.multinomial(answered, arm.classes)
    const followed = this.reference.classes.map((index) => drawn[index] ?? 0)
    const others = answered - followed.reduce((sum, count) => sum + count, 0)
    return {
      requests,
      errors,
      invalid,
      latency: { engine: { requests, slower } },
      classes: [...followed, others],
    }
  }

  #tailsOf(arm: Arm, factor: number): readonly number[] {
    const known = this.#tails.get(arm)
    if (known?.factor === factor) return known.tails
    const edges = this.reference.latencyEdgesMs.engine ?? []
    const tails = edges.map((edge) => exceedance(arm, factor, edge))
    this.#tails.set(arm, { factor, tails })
    return tails
  }
}

/** Like a server's: from requests of the stable version, or from what it is really like. */
function referenceOf(scenario: Scenario, random: Random): Reference {
  const { stable, policy, referenceRequests } = scenario
  const times = Array.from({ length: referenceRequests }, () =>
    drawServiceTimeMs(stable, 1, random),
  )
  const reference = freezeReference(
    { engine: times },
    new Map(stable.classes.entries()),
    policy.judge,
  )
  if (referenceRequests > 0) return reference
  const { slowdown } = policy.judge.latency
  const engine = EDGE_QUANTILES.map((quantile) => slowdown * quantileMs(stable, quantile))
  return { ...reference, latencyEdgesMs: { engine } }
}
