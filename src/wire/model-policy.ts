import { z } from 'zod'

import { CutoverError, messageOf } from '../domain/errors.ts'

export const POLICY_FILE = 'model.json'
export const POLICY_BYTES_MAX = 64 * 1024

const expected = 'pin: expected the number of a version'

const schema = z.looseObject(
  { pin: z.int(expected).positive(expected).optional() },
  'expected an object',
)

/** What an operator or a publisher says of a model as a whole. */
export interface ModelPolicy {
  /** The one version that is to be served, whatever else the registry holds. */
  readonly pin?: number | undefined
}

/** The policy in a `model.json` beside versions. Throws CONFIG_INVALID with a sentence. */
export function parseModelPolicy(bytes: Uint8Array): ModelPolicy {
  try {
    const { pin } = schema.parse(
      JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)),
    )
    return { pin }
  } catch (error) {
    const reason = error instanceof z.ZodError ? error.issues[0]?.message : messageOf(error)
    throw new CutoverError('CONFIG_INVALID', `${POLICY_FILE}: ${reason}`, { cause: error })
  }
}
