import { z } from 'zod'

import { EDGE_QUANTILES } from '../domain/evidence.ts'
import { METRICS, REGRESSION_ACTIONS } from '../domain/rollout-policy.ts'
import {
  QUARANTINE_MAX,
  ROLLOUT_SCHEMA,
  type RolloutState,
  TRANSITIONS,
} from '../domain/rollout.ts'
import { parseDocument } from './parse-document.ts'

/** Beyond this a document cannot have been written by a server. */
const STATE_BYTES_MAX = 1024 * 1024
const LIST_MAX = 1000
const TEXT_MAX = 4096

const text = z.string().max(TEXT_MAX)
const count = z.int().min(0)
const number = z.number()
const metric = z.enum(METRICS)
const tally = z.object({ bad: count, requests: count })

const ref = z.object({ version: z.int().min(1), digest: text })
const operator = z.object({ who: text, reason: text })

const comparison = z.object({ logE: z.array(number).max(LIST_MAX), canary: tally, stable: tally })

const evidence = z.object({
  blocks: count,
  errors: comparison,
  notWorse: comparison,
  invalid: comparison,
  latency: z.array(comparison).length(EDGE_QUANTILES.length),
  classesMore: z.array(comparison).max(LIST_MAX),
  classesLess: z.array(comparison).max(LIST_MAX),
  crashes: z.object({ logE: number, canary: count, stable: count }),
})

const edges = z.array(number).length(EDGE_QUANTILES.length).exactOptional()

const trial = z.object({
  id: text.min(1),
  candidate: ref,
  startedAt: text,
  reference: z
    .object({
      latencyEdgesMs: z.object({ alone: edges, single: edges, shared: edges, engine: edges }),
      classes: z.array(count).max(LIST_MAX),
    })
    .nullable(),
  evidence,
  progress: z.object({ requests: count, durationMs: number.min(0) }),
  accepted: z.array(metric).max(METRICS.length),
  shadow: z
    .object({
      compared: count,
      agreed: count,
      distance: number.min(0),
      classes: z.record(z.string(), z.object({ compared: count, disagreed: count })),
    })
    .nullable(),
})

const weight = number.min(0).max(100)

const phase = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('stable') }),
  z.object({ kind: z.literal('staged'), trial }),
  z.object({ kind: z.literal('shadow'), trial }),
  z.object({ kind: z.literal('canary'), weight, trial }),
  z.object({
    kind: z.literal('paused'),
    reason: z.enum(['command', 'regression', 'disagreement']),
    text,
    // Absent where an older server wrote it: what it told of is told of again.
    told: z.array(metric).max(METRICS.length).default([]),
    weight,
    trial,
  }),
  z.object({ kind: z.literal('promoting'), trial }),
  z.object({ kind: z.literal('rollingBack'), trial, cause: text }),
  z.object({ kind: z.literal('quarantined'), candidate: ref, cause: text }),
])

const outcome = z.enum(['pass', 'fail', 'inconclusive'])

const verdict = z.object({
  outcome,
  metrics: z.array(
    z.object({
      metric,
      outcome,
      detail: text.exactOptional(),
      logEvidence: number,
      threshold: number,
      riskRatio: number,
      action: z.enum(REGRESSION_ACTIONS),
      canary: tally,
      stable: tally,
    }),
  ),
  notWorse: z.object({
    isShown: z.boolean(),
    logEvidence: number,
    threshold: number,
    errorRateUpper: number.exactOptional(),
  }),
  blocks: count,
  sentence: text,
})

const stateSchema: z.ZodType<RolloutState> = z.object({
  schema: z.literal(ROLLOUT_SCHEMA),
  model: text,
  generation: count,
  nonce: text.min(1),
  stable: ref.nullable(),
  phase,
  quarantine: z.array(ref.extend({ at: text, cause: text })).max(QUARANTINE_MAX),
  pin: z.int().min(1).nullable(),
  lastDecision: z
    .object({
      at: text,
      phase: z.literal(Object.keys(TRANSITIONS) as (keyof typeof TRANSITIONS)[]),
      text,
      by: operator.nullable(),
      verdict: verdict.nullable(),
    })
    .nullable(),
})

/**
 * The state of a rollout from the bytes that a server stored. Throws CONFIG_INVALID with a
 * sentence that names the member at fault: somebody edited it, or a newer server wrote it.
 */
export function parseRolloutState(bytes: Uint8Array, file: string): RolloutState {
  return parseDocument(bytes, stateSchema, { file, bytesMax: STATE_BYTES_MAX })
}

export function encodeRolloutState(state: RolloutState): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(state))
}
