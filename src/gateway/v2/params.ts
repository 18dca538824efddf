import type { RouteRequest } from '../../serving/pick.ts'
import { routeRequestOf } from '../route-request.ts'

export interface V2Params {
  readonly model?: string
  readonly version?: string
}

/** What a path or a message of the protocol names; `01` is version 1. Throws as `routeRequestOf` does. */
export function modelAt({ model = '', version }: V2Params): RouteRequest {
  return version === undefined
    ? routeRequestOf({ model })
    : routeRequestOf({ model, version: version.replace(/^0+(?=\d)/, '') })
}
