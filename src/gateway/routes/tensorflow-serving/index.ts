import type { ColdRoute, HotRoute } from '../../route.ts'
import { classify, regress } from './examples.ts'
import { predict } from './predict.ts'
import { metadata, status } from './status.ts'

const HANDLERS = { predict, classify, regress } as const

/** TensorFlow Serving's REST interface. */
export const SERVING_HOT_ROUTES: readonly HotRoute[] = Object.entries(HANDLERS).map(
  ([verb, handle]) => ({
    method: 'POST',
    path: new RegExp(
      String.raw`^/v1/models/(?<model>[^/:]+)(?:/versions/(?<version>\d+)|/labels/(?<label>[^/:]+))?:${verb}$`,
    ),
    protocol: 'tensorflow-serving',
    handle,
  }),
)

const PLACES = [
  '/v1/models/:model',
  '/v1/models/:model/versions/:version',
  '/v1/models/:model/labels/:label',
]

export const SERVING_COLD_ROUTES: readonly ColdRoute[] = PLACES.flatMap((path) => [
  { method: 'GET', path, handle: status },
  { method: 'GET', path: `${path}/metadata`, handle: metadata },
])
