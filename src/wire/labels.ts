import { CutoverError, messageOf } from '../domain/errors.ts'

export const LABELS_FILE = 'labels.json'
export const LABELS_BYTES_MAX = 32 * 1024 ** 2

const LABELS_MAX = 1_000_000
const LABEL_CHARACTERS_MAX = 1000

/**
 * The labels of classes, in the order of their index, from the bytes of a file: a JSON array of
 * strings. Throws MANIFEST_INVALID with a sentence that names the file and the element.
 */
export function parseLabels(bytes: Uint8Array, file: string): string[] {
  const labels = parseJson(bytes, file)
  if (!Array.isArray(labels)) throw invalid(file, 'expected an array of strings')
  if (labels.length > LABELS_MAX) {
    throw invalid(file, `expected at most ${LABELS_MAX} labels, not ${labels.length}`)
  }
  // By hand: a schema library is slow on a million elements.
  return labels.map((label: unknown, index) => {
    if (typeof label === 'string' && label.length <= LABEL_CHARACTERS_MAX) return label
    throw invalid(
      `${file}[${index}]`,
      `expected a string of at most ${LABEL_CHARACTERS_MAX} characters`,
    )
  })
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  if (bytes.length > LABELS_BYTES_MAX) {
    throw invalid(file, `expected at most ${LABELS_BYTES_MAX} bytes, not ${bytes.length}`)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw invalid(file, `expected JSON in UTF-8: ${messageOf(error)}`)
  }
}

function invalid(where: string, sentence: string): CutoverError {
  return new CutoverError('MANIFEST_INVALID', `${where}: ${sentence}`)
}
