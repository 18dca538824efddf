import type { ColdRoute, HotRoute } from '../../route.ts'
import { classify, regress } from './examples.ts'
import { predict } from './predict.ts'
import { metadata, status } from './status.ts'

const HANDLERS = { predict, classify, regress } as const
/** No name holds a colon: what follows one is a verb. */
const PLACE = String.raw`/v1/models/(?<model>[^/:]+)(?:/versions/(?<version>[^/:]+)|/labels/(?<label>[^/:]+))?`

/** TensorFlow Serving's REST interface. */
export const SERVING_HOT_ROUTES: readonly HotRoute[] = Object.entries(HANDLERS).map(
  ([verb, handle]) => ({
    method: 'POST',
    path: new RegExp(`^${PLACE}:${verb}$`),
    protocol: 'tensorflow-serving',
    handle,
  }),
)

export const SERVING_COLD_ROUTES: readonly ColdRoute[] = [
  { method: 'GET', path: new RegExp(`^${PLACE}$`), handle: status },
  { method: 'GET', path: new RegExp(`^${PLACE}/metadata$`), handle: metadata },
]
