import type { Sliced } from '../lib/in-slices.ts'

/**
 * The text of the pieces that the work adds. They are joined at each of its pauses: a million of
 * them at once would take a turn of its own, and more memory than their text.
 */
export function* joinPieces(work: Sliced<void>, pieces: string[]): Sliced<string> {
  let text = ''
  while (work.next().done !== true) {
    text += pieces.join('')
    pieces.length = 0
    yield
  }
  return text + pieces.join('')
}
