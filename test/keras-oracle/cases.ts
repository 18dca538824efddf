import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** A tensor as `scripts/keras-oracle/make.py` writes it: little-endian bytes in base64. */
export interface WrittenTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: string
}

interface WrittenCase {
  /** `DIALECT.FORMAT` → the file in base64. */
  readonly files: Readonly<Record<string, string>>
  /** Text of the refusal; the fields below are there when the model must compile. */
  readonly refuses?: string
  readonly tolerance?: number
  readonly inputs?: readonly WrittenTensor[]
  /** Dialect → the outputs of Keras, in the order of the model's outputs. */
  readonly expected?: Readonly<Record<string, readonly WrittenTensor[]>>
}

/** One Keras file and what Keras answers. */
export interface OracleFile {
  /** `Conv2D-same.keras.h5`: the case, the Keras that wrote it and the format; older ones first. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly refuses: string | undefined
  /** The largest difference, as a part of the largest expected value. */
  readonly tolerance: number
  readonly inputs: readonly WrittenTensor[]
  readonly expected: readonly WrittenTensor[]
}

const FIXTURES = fileURLToPath(new URL('../fixtures/keras', import.meta.url))

/** What `make.py` wrote to `folder`: by default, the files in the repository. */
export function oracleFiles(folder = FIXTURES): OracleFile[] {
  const groups = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json.gz'))
    .sort()
  return groups.flatMap((group) => {
    const text = gunzipSync(readFileSync(path.join(folder, group))).toString()
    const cases = JSON.parse(text) as Record<string, WrittenCase>
    return Object.entries(cases).flatMap(([name, written]) =>
      Object.entries(written.files).map(([kind, data]) => ({
        name: `${path.dirname(group) === '.' ? '' : `${path.dirname(group)} `}${name}.${kind}`,
        bytes: Buffer.from(data, 'base64'),
        refuses: written.refuses,
        tolerance: written.tolerance ?? 0,
        inputs: written.inputs ?? [],
        expected: written.expected?.[kind.split('.')[0] ?? ''] ?? [],
      })),
    )
  })
}
