import { CutoverError, type ErrorCode } from '../../domain/errors.ts'
import { Byte } from './bytes.ts'
import type { JsonReader } from './reader.ts'
import { skipScalar } from './skip.ts'

/**
 * Passes nothing when the next value begins as it must, with `opening`. Throws the sentence for a
 * value of another kind, since its JSON is well-formed, and what the reader throws for no value.
 */
export function expectKind(reader: JsonReader, opening: number, sentence: string): void {
  if (reader.peek() !== opening) throw wrongKind(reader, 'REQUEST_INVALID', sentence)
}

export function wrongKind(reader: JsonReader, code: ErrorCode, sentence: string): CutoverError {
  const first = reader.peek()
  if (first !== Byte.ObjectOpen && first !== Byte.ArrayOpen) skipScalar(reader, first)
  return new CutoverError(code, sentence)
}
