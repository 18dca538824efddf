import { z } from 'zod'

import { CutoverError } from '../domain/errors.ts'
import { isModelName } from '../domain/version.ts'
import { sentencesOf } from './issues.ts'

const LIMIT_MAX = 1_000

const limit = `expected a whole number from 1 to ${LIMIT_MAX}`
const schema = z.strictObject({
  /** The id of the last event that was seen. */
  since: z.string().min(1).max(100).optional(),
  limit: z.coerce.number(limit).int(limit).min(1, limit).max(LIMIT_MAX, limit).default(100),
  model: z.string().refine(isModelName, 'expected the name of a model').optional(),
})

export type EventQuery = z.output<typeof schema>

/** The query of `GET /events`. Throws REQUEST_INVALID with a sentence that names the parameter. */
export function parseEventQuery(query: unknown): EventQuery {
  const parsed = schema.safeParse(query)
  if (parsed.success) return parsed.data
  throw new CutoverError('REQUEST_INVALID', sentencesOf(parsed.error))
}
