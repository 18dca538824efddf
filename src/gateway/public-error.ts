import { CutoverError } from '../domain/errors.ts'

/** What a client is told: what is not ours may hold paths or data, and goes to the log alone. */
export function publicErrorOf(thrown: unknown): CutoverError {
  return thrown instanceof CutoverError
    ? thrown
    : new CutoverError('INTERNAL', 'the server failed; its log says why')
}

/** A sentence may quote what a client sent. No character is cut in two: gRPC cannot send a half. */
export function shortened(sentence: string, lengthMax: number): string {
  if (sentence.length <= lengthMax) return sentence
  return `${sentence.slice(0, lengthMax).replace(HALF_CHARACTER, '')}…`
}

/** The first of two surrogates, without the second. */
const HALF_CHARACTER = /[\uD800-\uDBFF]$/
