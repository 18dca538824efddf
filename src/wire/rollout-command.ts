import { z } from 'zod'

import { CutoverError } from '../domain/errors.ts'
import type { Command } from '../domain/rollout.ts'
import { jsonSchemaOf } from './json-schema.ts'

const NAME_CHARACTERS_MAX = 200
const REASON_CHARACTERS_MAX = 1_000

const plain = (charactersMax: number) =>
  z
    .string('expected a text')
    .max(charactersMax, `expected at most ${charactersMax} characters`)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'expected no control characters')

const by = {
  who: plain(NAME_CHARACTERS_MAX).default('unknown'),
  reason: plain(REASON_CHARACTERS_MAX).default(''),
}
const version = z
  .int('expected the number of a version')
  .positive('expected the number of a version')

const schema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ ...by, kind: z.literal('promote'), full: z.boolean().default(false) }),
    z.strictObject({ ...by, kind: z.literal('pause') }),
    z.strictObject({ ...by, kind: z.literal('resume') }),
    z.strictObject({ ...by, kind: z.literal('abort') }),
    z.strictObject({ ...by, kind: z.literal('retry'), version: version.optional() }),
    z.strictObject({ ...by, kind: z.literal('pin'), version }),
    z.strictObject({ ...by, kind: z.literal('unpin') }),
  ],
  'expected promote, pause, resume, abort, retry, pin or unpin',
)

/** What `parseRolloutCommand` takes, as JSON Schema; control characters it forbids besides. */
export function rolloutCommandSchema(): Record<string, unknown> {
  return jsonSchemaOf(schema)
}

/** A command for a rollout, as the admin port takes it. Throws REQUEST_INVALID with a sentence. */
export function parseRolloutCommand(text: string): Command {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new CutoverError('REQUEST_INVALID', 'expected a command as JSON')
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue?.path.length === 0 ? '' : `${issue?.path.join('.')}: `
    throw new CutoverError('REQUEST_INVALID', `${where}${issue?.message}`)
  }
  const { who, reason, ...command } = parsed.data
  return { ...command, by: { who, reason } }
}
