import type { Request, Response } from 'express'

import { CutoverError } from '../../../domain/errors.ts'
import type { GatewayContext } from '../../context.ts'
import type { ColdRoute, HotRoute } from '../../route.ts'
import { live, modelReady, ready } from './health.ts'
import { inferV2 } from './infer.ts'
import { config, metadata, serverMetadata } from './metadata.ts'
import { load, repositoryIndex, unload } from './repository.ts'
import { statistics } from './statistics.ts'

/** The Open Inference Protocol, version 2, over REST. */
export const V2_HOT_ROUTES: readonly HotRoute[] = [
  {
    method: 'POST',
    path: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/infer$/,
    protocol: 'v2',
    handle: inferV2,
  },
]

const MODEL = '/v2/models/:model{/versions/:version}'

export const V2_COLD_ROUTES: readonly ColdRoute[] = [
  get('/v2', serverMetadata),
  get('/v2/health/live', live),
  get('/v2/health/ready', ready),
  get('/v2/models/stats', statistics),
  get(`${MODEL}/ready`, modelReady),
  get(`${MODEL}/stats`, statistics),
  get(`${MODEL}/config`, config),
  get(MODEL, metadata),
  { method: 'POST', path: '/v2/repository/index', handle: repositoryIndex },
  { method: 'POST', path: '/v2/repository/models/:model/load', handle: load },
  { method: 'POST', path: '/v2/repository/models/:model/unload', handle: unload },
]

/** The protocol has no HEAD, and a version in a path is digits: all else is no path of it. */
function get(path: string, handle: ColdRoute['handle']): ColdRoute {
  return {
    method: 'GET',
    path,
    head: false,
    handle(context: GatewayContext, request: Request, response: Response) {
      const { version } = request.params
      if (typeof version === 'string' && !/^\d+$/.test(version)) {
        throw new CutoverError('ROUTE_NOT_FOUND', `there is no GET ${request.path}`)
      }
      return handle(context, request, response)
    },
  }
}
