import { CutoverError } from '../../domain/errors.ts'
import type { Manifest } from '../../domain/manifest.ts'
import { describeBytes } from '../../lib/describe-bytes.ts'
import { MANIFEST_BYTES_MAX, MANIFEST_FILE } from '../../wire/manifest.ts'

/** A manifest as it is written. Throws MANIFEST_INVALID when it is larger than servers read. */
export function manifestText(manifest: Manifest): string {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  if (Buffer.byteLength(text) <= MANIFEST_BYTES_MAX) return text
  const limit = describeBytes(MANIFEST_BYTES_MAX)
  throw new CutoverError('MANIFEST_INVALID', `${MANIFEST_FILE} would be larger than ${limit}`)
}
