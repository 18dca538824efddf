import { CutoverError, messageOf } from '../domain/errors.ts'
import { printable } from '../lib/printable.ts'

/** One line for people. */
export function writeLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`)
}

/** The one document that a command writes for scripts. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** What went wrong, on the error stream; where it came from, too, when it is none of ours. */
export function writeError(error: unknown): void {
  process.stderr.write(`cutover: ${printable(messageOf(error))}\n`)
  if (!(error instanceof CutoverError) && error instanceof Error && error.name !== 'AbortError') {
    process.stderr.write(`${error.stack}\n`)
  }
}
