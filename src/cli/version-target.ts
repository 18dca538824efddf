import { CutoverError } from '../domain/errors.ts'
import type { RegistryStore, Survey } from '../registry/publish/registry-store.ts'
import { modelNamed, versionNumbered } from './draft-options.ts'

/**
 * The versions that `MODEL`, `MODEL/VERSION` or nothing stands for, in ascending order. Throws
 * CONFIG_INVALID when it stands for none.
 */
export async function versionsNamed(
  store: RegistryStore,
  target: string | undefined,
  signal: AbortSignal,
): Promise<Survey> {
  const [name, number, ...rest] = target?.split('/') ?? []
  if (rest.length > 0) {
    const sentence = `${JSON.stringify(target)}: expected MODEL or MODEL/VERSION`
    throw new CutoverError('CONFIG_INVALID', sentence)
  }
  const model = name === undefined ? undefined : modelNamed(name)
  const version = number === undefined ? undefined : versionNumbered(number)
  const survey = await store.survey(signal, model)
  const versions = survey.versions.filter(
    (stored) => version === undefined || stored.version === version,
  )
  if (versions.length > 0 || target === undefined) return { ...survey, versions }
  const [problem] = survey.problems
  if (!survey.isWhole && problem !== undefined) {
    throw new CutoverError('REGISTRY_UNAVAILABLE', `${problem.path}: ${problem.reason}`)
  }
  throw new CutoverError('VERSION_NOT_FOUND', `there is no ${target} in ${store.location}`)
}
