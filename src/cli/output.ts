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

/** Something to know of beside the answer. */
export function writeWarning(text: string): void {
  process.stderr.write(`cutover: ${printable(text)}\n`)
}

/** What went wrong, on the error stream; where it came from, too, when it is none of ours. */
export function writeError(error: unknown): void {
  writeWarning(messageOf(error))
  if (!(error instanceof CutoverError) && error instanceof Error && error.name !== 'AbortError') {
    process.stderr.write(`${error.stack}\n`)
  }
}
/** Columns as wide as what is in them. */
export function writeTable(rows: readonly (readonly string[])[]): void {
  const cells = rows.map((row) => row.map(printable))
  const widths = (cells[0] ?? []).map((_, at) =>
    Math.max(...cells.map((row) => row[at]?.length ?? 0)),
  )
  for (const row of cells) {
    const line = row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')
    process.stdout.write(`${line.trimEnd()}\n`)
  }
}
