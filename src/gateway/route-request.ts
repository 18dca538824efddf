import { CutoverError } from '../domain/errors.ts'
import { isModelName, parseVersion } from '../domain/version.ts'
import type { RouteRequest } from '../serving/pick.ts'

/** What a path names. Throws MODEL_NOT_FOUND or VERSION_NOT_FOUND for what can be no name. */
export function routeRequestOf(params: {
  readonly model?: string
  readonly version?: string
}): RouteRequest {
  const { model, version } = params
  if (model !== undefined && !isModelName(model)) {
    throw new CutoverError('MODEL_NOT_FOUND', 'that is not the name of a model')
  }
  const number = version === undefined ? undefined : parseVersion(version)
  if (version !== undefined && number === undefined) {
    throw new CutoverError('VERSION_NOT_FOUND', 'a version is a positive whole number')
  }
  return { model, version: number }
}
