import { CutoverError } from '../domain/errors.ts'

/** The file is damaged, or lacks something that a model needs. */
export function unloadable(sentence: string, cause?: unknown): CutoverError {
  return new CutoverError('MODEL_UNLOADABLE', sentence, { cause })
}

/** The file is whole, but asks for something that is not compiled. */
export function unsupported(sentence: string): CutoverError {
  return new CutoverError('FORMAT_UNSUPPORTED', sentence)
}

const COUNT_MAX = 2 ** 24

/** A number that something of its size is made for. Throws FORMAT_UNSUPPORTED beyond a bound. */
export function bounded(count: number, what: string): number {
  if (count <= COUNT_MAX) return count
  throw unsupported(`${what} would have ${count} elements, more than the compiler makes`)
}
