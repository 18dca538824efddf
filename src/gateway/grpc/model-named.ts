import { CutoverError } from '../../domain/errors.ts'
import type { RouteRequest } from '../../serving/pick.ts'
import { modelAt, type V2Params } from '../v2/params.ts'

/** What a message names. Throws as `modelAt` does, or REQUEST_INVALID for a version of no digits. */
export function modelNamed(model: string, version: string): RouteRequest {
  return modelAt({ model, ...versionNamed(version) })
}

/** '' names none. */
export function versionNamed(version: string): Pick<V2Params, 'version'> {
  if (version === '') return {}
  if (/^\d+$/.test(version)) return { version }
  throw new CutoverError('REQUEST_INVALID', 'a version is a positive whole number')
}
