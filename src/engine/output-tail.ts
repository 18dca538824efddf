import type { Buffer } from 'node:buffer'
import { StringDecoder } from 'node:string_decoder'

const LINE_CHARS_MAX = 500
const LINES_KEPT = 5

/**
 * The last lines that a process wrote, to explain a crash: cut to a bound and without control
 * characters, because a model chooses what its runtime prints.
 */
export class OutputTail {
  readonly #decoder = new StringDecoder('utf8')
  readonly #lines: string[] = []
  #rest = ''

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX)
    for (const line of lines) {
      const text = clean(line)
      if (text === '') continue
      this.#lines.push(text)
      if (this.#lines.length > LINES_KEPT) this.#lines.shift()
    }
  }

  /** ` ("the last line")`, or nothing when the process was silent. */
  quoted(): string {
    const last = clean(this.#rest) || this.#lines.at(-1)
    return last === undefined ? '' : ` ("${last}")`
  }
}

function clean(line: string): string {
  return line
    .slice(0, LINE_CHARS_MAX)
    .replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
}
