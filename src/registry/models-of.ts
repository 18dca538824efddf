import type { AspiredVersion } from './source.ts'

/** Versions by their models, in ascending order. */
export function modelsOf<Version extends AspiredVersion>(
  versions: Iterable<Version>,
): Map<string, Version[]> {
  const models = new Map<string, Version[]>()
  for (const version of versions) {
    const known = models.get(version.model)
    if (known === undefined) models.set(version.model, [version])
    else known.push(version)
  }
  for (const known of models.values()) known.sort((a, b) => a.version - b.version)
  return models
}
