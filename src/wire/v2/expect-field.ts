import type { ErrorCode } from '../../domain/errors.ts'
import { wrongKind } from '../json/expect-kind.ts'
import type { JsonReader } from '../json/reader.ts'

/** A tensor's name, or its place in the list as long as its name has not come. */
type NameOrIndex = string | number

/** Throws when a field of an input does not begin as it must, with `opening`. */
export function expectOfInput(
  reader: JsonReader,
  opening: number,
  tensor: NameOrIndex,
  must: string,
): void {
  if (reader.peek() !== opening) throw wrongField(reader, 'TENSOR_INVALID', 'input', tensor, must)
}

/** As for an input, of a requested output. */
export function expectOfOutput(
  reader: JsonReader,
  opening: number,
  tensor: NameOrIndex,
  must: string,
): void {
  if (reader.peek() !== opening) throw wrongField(reader, 'REQUEST_INVALID', 'output', tensor, must)
}

function wrongField(
  reader: JsonReader,
  code: ErrorCode,
  kind: string,
  tensor: NameOrIndex,
  must: string,
): Error {
  const label = typeof tensor === 'number' ? `${kind}s[${tensor}]` : `${kind} ${tensor}`
  return wrongKind(reader, code, `${label}: ${must}`)
}
