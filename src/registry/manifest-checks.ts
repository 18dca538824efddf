import { CutoverError } from '../domain/errors.ts'
import type { Manifest } from '../domain/manifest.ts'
import { checkSize } from './copy-files.ts'

/** Throws MANIFEST_INVALID when a manifest says that it is another version's. */
export function checkIdentity(
  stated: Manifest,
  { model, version }: { readonly model: string; readonly version: number },
): void {
  if ((stated.model ?? model) === model && (stated.version ?? version) === version) return
  throw new CutoverError(
    'MANIFEST_INVALID',
    `manifest.json is of ${stated.model ?? model} version ${stated.version ?? version}, ` +
      `but lies in ${model}/${version}`,
  )
}

/**
 * Before gigabytes are copied, what is plainly not whole: throws VERSION_INCOMPLETE or
 * VERSION_CORRUPT when a file is not among those found, or has another size there.
 */
export function checkFiles(
  { files }: Manifest,
  found: ReadonlyMap<string, { readonly bytes: number }>,
): void {
  for (const file of files) {
    const bytes = found.get(file.path)?.bytes
    if (bytes === undefined) {
      throw new CutoverError('VERSION_INCOMPLETE', `${file.path} is missing`)
    }
    checkSize(file, bytes)
  }
}
