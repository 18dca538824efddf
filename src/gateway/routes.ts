import type { Request, Response } from 'express'

import type { GatewayContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import { live, ready } from './routes/health.ts'
import { metrics } from './routes/metrics.ts'
import { listModels } from './routes/models.ts'
import { registryEvents } from './routes/registry-events.ts'
import { predict } from './routes/predict.ts'
import { inferV2 } from './routes/v2/infer.ts'

/** Dispatched on node:http itself: Express costs a few tenths of a millisecond a request. */
export interface HotRoute {
  readonly method: 'POST'
  readonly path: RegExp
  readonly protocol: string
  readonly handle: (
    context: GatewayContext,
    exchange: Exchange,
    params: Readonly<Record<string, string>>,
  ) => Promise<void>
}

/** Served by Express; a body arrives as text. */
export interface ColdRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly handle: (
    context: GatewayContext,
    request: Request,
    response: Response,
  ) => void | Promise<void>
}

/** Everything the admin port answers. */
export const ADMIN_ROUTES: readonly ColdRoute[] = [
  { method: 'POST', path: '/registry/events', handle: registryEvents },
]

/** Everything the data port answers. */
export const HOT_ROUTES: readonly HotRoute[] = [
  { method: 'POST', path: /^\/predict$/, protocol: 'predict', handle: predict },
  {
    method: 'POST',
    path: /^\/models\/(?<model>[^/]+)\/predict$/,
    protocol: 'predict',
    handle: predict,
  },
  {
    method: 'POST',
    path: /^\/models\/(?<model>[^/]+)\/versions\/(?<version>[^/]+)\/predict$/,
    protocol: 'predict',
    handle: predict,
  },
  {
    method: 'POST',
    path: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/infer$/,
    protocol: 'v2',
    handle: inferV2,
  },
]

export const COLD_ROUTES: readonly ColdRoute[] = [
  { method: 'GET', path: '/models', handle: listModels },
  { method: 'GET', path: '/healthz/live', handle: live },
  { method: 'GET', path: '/healthz/ready', handle: ready },
  { method: 'GET', path: '/metrics', handle: metrics },
]
