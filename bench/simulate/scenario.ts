import { readFileSync } from 'node:fs'
import path from 'node:path'

import { z } from 'zod'

import type { RolloutPolicy } from '../../src/domain/rollout-policy.ts'
import { parseDocument } from '../../src/wire/parse-document.ts'
import { parsePolicy } from '../../src/wire/policy.ts'
import { durationMs, series } from './series.ts'

const SCENARIO_BYTES_MAX = 1024 * 1024

const probability = z.number().min(0).max(1)

const arm = z.strictObject({
  /** Probability that a request fails. */
  errorRate: series.default(0),
  /** Probability that an answer is NaN or of a wrong shape. */
  invalidRate: series.default(0),
  /** Service times: log-normal, and a share of them so many times slower. */
  latency: z
    .strictObject({
      medianMs: z.number().positive().default(10),
      sigma: z.number().positive().default(0.3),
      slowShare: probability.default(0),
      slowFactor: z.number().positive().default(1),
    })
    .prefault({}),
  /** Multiplies every service time. */
  latencyFactor: series.default(1),
  /** Shares of the answered classes. */
  classes: z.array(z.number().min(0)).min(1).default([0.4, 0.3, 0.15, 0.1, 0.05]),
  /** Crashes of engine processes per thousand requests. */
  crashesPerThousand: z.number().min(0).default(0),
})

const bursts = z.strictObject({
  /** `both`: what hits one version hits the other; `each`: they have trouble at different times. */
  scope: z.enum(['both', 'each']),
  everyMean: durationMs,
  lastMean: durationMs,
  /** Probability that a request fails in a burst, on top of its own. */
  errorRate: probability,
  /** Multiplies every service time in a burst. */
  latencyFactor: z.number().positive().default(1),
})

const scenario = z.strictObject({
  description: z.string(),
  /** Whether the candidate is as good: a rollback is then a false one. */
  candidate: z.enum(['alike', 'worse']),
  runs: z.int().min(1).max(1_000_000).default(10_000),
  tick: durationMs.default(1_000),
  maxDuration: durationMs.default(6 * 3_600_000),
  traffic: z.strictObject({
    requestsPerSecond: series,
    /** What the candidate really gets, as a multiple of its weight. */
    realisedWeight: z.number().positive().default(1),
  }),
  stable: arm.prefault({}),
  /** What differs from the stable version. */
  canary: z.record(z.string(), z.unknown()).default({}),
  bursts: bursts.optional(),
  /** The server is killed: the open block is lost, and the state is read back. */
  restarts: z.strictObject({ everyMean: durationMs }).optional(),
  /** Requests of the stable version from which the latency edges are taken; 0: its true quantiles. */
  referenceRequests: z.int().min(0).max(100_000).default(1_000),
  /** A model.json. */
  model: z.record(z.string(), z.unknown()).default({}),
})

export type Arm = z.output<typeof arm>

export interface Scenario extends Omit<z.output<typeof scenario>, 'canary' | 'model'> {
  readonly name: string
  readonly canary: Arm
  readonly policy: RolloutPolicy
}

/** Reads a scenario. Throws CONFIG_INVALID with a sentence that names the member at fault. */
export function readScenario(file: string): Scenario {
  const bytes = readFileSync(file)
  const limits = { file: path.basename(file), bytesMax: SCENARIO_BYTES_MAX }
  const { canary, model, ...rest } = parseDocument(bytes, scenario, limits)
  // Members of the file, before defaults: the candidate is like the stable version but for its own.
  const { stable = {} } = JSON.parse(bytes.toString()) as { stable?: Record<string, unknown> }
  const both = Buffer.from(JSON.stringify({ ...stable, ...canary }))
  return {
    ...rest,
    name: path.basename(file, '.json'),
    canary: parseDocument(both, arm, { ...limits, file: `${limits.file}: canary` }),
    policy: parsePolicy(Buffer.from(JSON.stringify(model)), undefined, `${limits.file}: model`),
  }
}
