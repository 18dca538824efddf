import { ADMIN_DOCUMENT_ROUTES, DATA_DOCUMENT_ROUTES } from './openapi/routes.ts'
import type { ColdRoute, HotRoute } from './route.ts'
import { listEvents } from './routes/events.ts'
import { live, ready } from './routes/health.ts'
import { metrics } from './routes/metrics.ts'
import { listModels } from './routes/models.ts'
import { registryEvents } from './routes/registry-events.ts'
import { commandRollout, listRollouts, showRollout } from './routes/rollouts.ts'
import { predict } from './routes/predict.ts'
import { SERVING_COLD_ROUTES, SERVING_HOT_ROUTES } from './routes/tensorflow-serving/index.ts'
import { V2_COLD_ROUTES, V2_HOT_ROUTES } from './routes/v2/index.ts'

/** Everything the admin port answers. */
export const ADMIN_ROUTES: readonly ColdRoute[] = [
  { method: 'GET', path: '/events', handle: listEvents },
  { method: 'POST', path: '/registry/events', handle: registryEvents },
  { method: 'GET', path: '/rollouts', handle: listRollouts },
  { method: 'GET', path: '/rollouts/:model', handle: showRollout },
  { method: 'POST', path: '/rollouts/:model/commands', handle: commandRollout },
  ...ADMIN_DOCUMENT_ROUTES,
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
  ...V2_HOT_ROUTES,
  ...SERVING_HOT_ROUTES,
]

export const COLD_ROUTES: readonly ColdRoute[] = [
  { method: 'GET', path: '/models', handle: listModels },
  { method: 'GET', path: '/healthz/live', handle: live },
  { method: 'GET', path: '/healthz/ready', handle: ready },
  { method: 'GET', path: '/metrics', handle: metrics },
  ...V2_COLD_ROUTES,
  ...SERVING_COLD_ROUTES,
  ...DATA_DOCUMENT_ROUTES,
]
