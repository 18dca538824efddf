import { CutoverError } from '../domain/errors.ts'

/** What a client is told: what is not ours may hold paths or data, and goes to the log alone. */
export function publicErrorOf(thrown: unknown): CutoverError {
  return thrown instanceof CutoverError
    ? thrown
    : new CutoverError('INTERNAL', 'the server failed; its log says why')
}

/** A sentence may quote what a client sent. */
export function shortened(sentence: string, lengthMax: number): string {
  return sentence.length > lengthMax ? `${sentence.slice(0, lengthMax)}…` : sentence
}
