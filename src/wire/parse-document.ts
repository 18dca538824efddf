import type { z } from 'zod'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { sentencesOf } from './issues.ts'

/**
 * A JSON document of the registry by its schema. Throws CONFIG_INVALID with a sentence that names
 * the file and the member at fault.
 */
export function parseDocument<T>(
  bytes: Uint8Array,
  schema: z.ZodType<T>,
  { file, bytesMax }: { readonly file: string; readonly bytesMax: number },
): T {
  if (bytes.length > bytesMax) {
    throw invalid(file, `expected at most ${bytesMax} bytes, not ${bytes.length}`)
  }
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw invalid(file, `expected JSON in UTF-8: ${messageOf(error)}`)
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  throw invalid(file, sentencesOf(parsed.error))
}

function invalid(file: string, sentence: string): CutoverError {
  return new CutoverError('CONFIG_INVALID', `${file}: ${sentence}`)
}
