import { z } from 'zod'

import { DEFAULT_POLICY, REGRESSION_ACTIONS, type RolloutPolicy } from '../domain/rollout-policy.ts'
import { parseDuration } from '../lib/duration.ts'
import { parseDocument } from './parse-document.ts'

/** Beside a model's versions: what holds for its rollouts. */
export const POLICY_FILE = 'model.json'
export const POLICY_BYTES_MAX = 64 * 1024
const STEPS_MAX = 100
const REQUESTS_MAX = 1_000_000_000
const DURATION_MS_MAX = 30 * 86_400_000
const CLASSES_MAX = 20

const action = z
  .enum(REGRESSION_ACTIONS, `expected one of ${REGRESSION_ACTIONS.join(', ')}`)
  .exactOptional()

const weight = number('expected a weight in per cent, from 0.01 to 100', 0.01, 100)

const step = members({
  weight,
  minRequests: requests().default(0),
  minDuration: duration().default(0),
}).transform(({ minDuration, ...rest }) => ({ ...rest, minDurationMs: minDuration }))

const steps = z
  .array(step, 'expected a list of steps')
  .min(1, 'expected at least one step')
  .max(STEPS_MAX, `expected at most ${STEPS_MAX} steps`)
  .superRefine((entries, context) => {
    for (const [index, { weight }] of entries.entries()) {
      const before = entries[index - 1]?.weight
      if (before === undefined || weight > before) continue
      context.addIssue({
        code: 'custom',
        path: [index, 'weight'],
        message: `expected more than the ${before} of the step before: weights only rise`,
      })
    }
  })

const shadow = members({
  minRequests: requests().default(0),
  minDuration: duration().default(0),
  sample: weight.default(100),
  minAgreement: number('expected a share from 0 to 1', 0, 1).exactOptional(),
}).transform(({ minDuration, ...rest }) => ({ ...rest, minDurationMs: minDuration }))

const metric = {
  enabled: z.boolean('expected true or false').exactOptional(),
  riskRatio: number('expected a ratio from 1 to 100', 1, 100).exactOptional(),
  onRegression: action,
}

const judge = members({
  alpha: number('expected a probability from 0.000001 to 0.5', 1e-6, 0.5).exactOptional(),
  block: duration(100).exactOptional(),
  errors: members(metric).exactOptional(),
  latency: members({
    ...metric,
    slowdown: number('expected a factor from 1 to 100', 1, 100).exactOptional(),
  }).exactOptional(),
  invalid: members(metric).exactOptional(),
  classes: members({
    ...metric,
    top: number(
      `expected a whole number from 1 to ${CLASSES_MAX}`,
      1,
      CLASSES_MAX,
      true,
    ).exactOptional(),
  }).exactOptional(),
  crashes: members({ enabled: metric.enabled, onRegression: action }).exactOptional(),
  notWorse: members({
    riskRatio: number('expected a ratio above 1, at most 100', 1.01, 100).exactOptional(),
    errorRate: number('expected a rate from 0 to 1', 0, 1).exactOptional(),
    beta: number('expected a probability from 0.000001 to 0.5', 1e-6, 0.5).exactOptional(),
    promotesEarly: z.boolean('expected true or false').exactOptional(),
  }).exactOptional(),
})

const headerOrCookie = z.union(
  [z.strictObject({ header: token() }), z.strictObject({ cookie: token() })],
  'expected {"header": NAME} or {"cookie": NAME}',
)

/** What a model's policy may state; the rest comes from the defaults. */
const rollout = members({
  strategy: z.enum(['canary', 'immediate'], 'expected canary or immediate').exactOptional(),
  shadow: shadow.nullable().exactOptional(),
  steps: steps.exactOptional(),
  onRegression: action,
  stickiness: headerOrCookie.nullable().exactOptional(),
  judge: judge.exactOptional(),
})

const version = number(
  'expected a version: a positive whole number',
  1,
  Number.MAX_SAFE_INTEGER,
  true,
)

const modelSchema = members({
  rollout: rollout.exactOptional(),
  pin: version.nullable().exactOptional(),
})

/**
 * A model's policy from the bytes of its `model.json`, over the defaults of the server. Throws
 * CONFIG_INVALID with sentences that name the members at fault. Durations have a unit: `"10m"`.
 */
export function parsePolicy(
  bytes: Uint8Array,
  defaults: RolloutPolicy = DEFAULT_POLICY,
  file = POLICY_FILE,
): RolloutPolicy {
  return over(defaults, parseDocument(bytes, modelSchema, { file, bytesMax: POLICY_BYTES_MAX }))
}

/** What is stated wins, member by member; null takes a default away. */
function over(
  defaults: RolloutPolicy,
  { rollout = {}, pin }: z.output<typeof modelSchema>,
): RolloutPolicy {
  const { judge: stated = {}, shadow, stickiness, ...plain } = rollout
  const { block, ...judge } = stated
  const before = defaults.judge
  return {
    ...defaults,
    ...plain,
    shadow: shadow === undefined ? defaults.shadow : (shadow ?? undefined),
    stickiness: stickiness === undefined ? defaults.stickiness : (stickiness ?? undefined),
    pin: pin === undefined ? defaults.pin : (pin ?? undefined),
    judge: {
      alpha: judge.alpha ?? before.alpha,
      blockMs: block ?? before.blockMs,
      errors: { ...before.errors, ...judge.errors },
      latency: { ...before.latency, ...judge.latency },
      invalid: { ...before.invalid, ...judge.invalid },
      classes: { ...before.classes, ...judge.classes },
      crashes: { ...before.crashes, ...judge.crashes },
      notWorse: { ...before.notWorse, ...judge.notWorse },
    },
  }
}

/** An object that has no members but these. */
function members<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `there is no ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; ` +
          `there is ${Object.keys(shape).join(', ')}`
        : 'expected an object',
  })
}

function number(expected: string, min: number, max: number, whole = false) {
  const schema = z.number(expected).min(min, expected).max(max, expected)
  return whole ? schema.int(expected) : schema
}

function requests() {
  return number('expected a whole number of requests, at least 0', 0, REQUESTS_MAX, true)
}

/** Milliseconds of a text with a unit. */
function duration(minMs = 0) {
  const expected =
    `expected a duration with a unit, such as "30s", "10m" or "2h"` +
    (minMs === 0 ? '' : `, at least ${minMs}ms`)
  return z
    .string(expected)
    .transform((text) => parseDuration(text))
    .pipe(z.number(expected).min(minMs, expected).max(DURATION_MS_MAX, 'expected at most 30d'))
}

/** The name of a header or cookie: RFC 9110's token. */
function token() {
  return z
    .string('expected a name')
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, 'expected the name of a header or cookie')
}
