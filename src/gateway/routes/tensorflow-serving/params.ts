import type { RouteRequest } from '../../../serving/pick.ts'
import { routeRequestOf } from '../../route-request.ts'

export interface ServingParams {
  readonly model?: string
  readonly version?: string
  readonly label?: string
}

/** What a path of the protocol names. Throws as `routeRequestOf` does. */
export function modelAt({ model = '', version, label }: ServingParams): RouteRequest {
  const digits = version?.replace(/^0+(?=\d)/, '')
  return { ...routeRequestOf(digits === undefined ? { model } : { model, version: digits }), label }
}
