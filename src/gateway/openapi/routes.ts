import { createRequire } from 'node:module'

import type { ColdRoute } from '../route.ts'
import { ADMIN_OPERATIONS, ADMIN_SCHEMAS } from './admin.ts'
import { COMMON_SCHEMAS, SELF_OPERATIONS, SERVER_OPERATIONS, SERVER_SCHEMAS } from './common.ts'
import { type OpenApiDocument, openApiDocument } from './document.ts'
import { PAGE_POLICY, pageOf } from './page.ts'
import { PREDICT_OPERATIONS, PREDICT_SCHEMAS } from './predict.ts'
import { SERVING_OPERATIONS, SERVING_SCHEMAS } from './tensorflow-serving.ts'
import { V2_SCHEMAS } from './v2-schemas.ts'
import { V2_OPERATIONS } from './v2.ts'

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }

/** `GET /openapi.json` and `GET /docs` of the data port. */
export const DATA_DOCUMENT_ROUTES: readonly ColdRoute[] = describing(() =>
  openApiDocument({
    title: 'cutover',
    description: 'A model server: three protocols, one set of models.',
    version,
    tags: [
      { name: 'predict', description: 'Images' },
      { name: 'v2', description: 'Open Inference Protocol (KServe V2, Triton)' },
      { name: 'tensorflow-serving', description: 'TensorFlow Serving' },
      { name: 'server', description: 'The server' },
    ],
    operations: [
      ...PREDICT_OPERATIONS,
      ...V2_OPERATIONS,
      ...SERVING_OPERATIONS,
      ...SERVER_OPERATIONS,
      ...SELF_OPERATIONS,
    ],
    schemas: {
      ...COMMON_SCHEMAS,
      ...PREDICT_SCHEMAS,
      ...V2_SCHEMAS,
      ...SERVING_SCHEMAS,
      ...SERVER_SCHEMAS,
    },
  }),
)

/** `GET /openapi.json` and `GET /docs` of the admin port. */
export const ADMIN_DOCUMENT_ROUTES: readonly ColdRoute[] = describing(() =>
  openApiDocument({
    title: 'cutover, admin port',
    description: 'For operators, and for what tells of changes in the registry.',
    version,
    tags: [
      { name: 'rollouts', description: 'Rollouts' },
      { name: 'events', description: 'Events' },
      { name: 'server', description: 'The server' },
    ],
    operations: [...ADMIN_OPERATIONS, ...SELF_OPERATIONS],
    schemas: { ...COMMON_SCHEMAS, ...ADMIN_SCHEMAS },
  }),
)

/** Most servers are never asked: it is made when it is. */
function describing(make: () => OpenApiDocument): readonly ColdRoute[] {
  let document: OpenApiDocument | undefined
  const made = () => (document ??= make())
  return [
    {
      method: 'GET',
      path: '/openapi.json',
      handle: (_context, _request, response) => void response.json(made()),
    },
    {
      method: 'GET',
      path: '/docs',
      handle: (_context, _request, response) =>
        void response.set('content-security-policy', PAGE_POLICY).type('html').send(pageOf(made())),
    },
  ]
}
