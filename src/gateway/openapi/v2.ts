import { CONTROL_REQUEST_SCHEMA, INDEX_REQUEST_SCHEMA } from '../../wire/v2/repository-request.ts'
import { type Answer, json, type Operation, type Parameter, reference } from './operation.ts'

const TAG = 'v2'
const EXAMPLE = {
  inputs: [{ name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }],
}
const HEADER_LENGTH: Parameter = {
  name: 'inference-header-content-length',
  in: 'header',
  description: 'Where binary data follows the JSON: the length of the JSON, in bytes',
  schema: { type: 'integer', minimum: 0 },
}
const BINARY = {
  'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
}
const NO: Answer = { description: 'No, and why', content: json(reference('Error')) }
const EMPTY: Answer = { description: 'Yes' }

/** The Open Inference Protocol, version 2, over REST. */
export const V2_OPERATIONS: readonly Operation[] = [
  get('/v2', 'serverMetadata', 'The server and the extensions it knows', 'ServerMetadata'),
  readiness('/v2/health/live', 'serverLive', 'Whether the server answers'),
  readiness(
    '/v2/health/ready',
    'serverReady',
    'Whether requests are welcome: what is loaded can infer',
  ),
  get(
    '/v2/models/stats',
    'statistics',
    'Counts and times of all that is loaded',
    'ModelStatistics',
  ),
  ...ofModel((path, suffix) => [
    get(path, `modelMetadata${suffix}`, 'What a model takes and gives', 'ModelMetadata'),
    readiness(`${path}/ready`, `modelReady${suffix}`, 'Whether a model can infer'),
    get(`${path}/config`, `modelConfig${suffix}`, 'How a model is configured', 'ModelConfig'),
    get(`${path}/stats`, `modelStatistics${suffix}`, 'Its counts and times', 'ModelStatistics'),
    {
      ...post(`${path}/infer`, `infer${suffix}`, 'Inference', {
        ...json(reference('InferRequest'), EXAMPLE),
        ...BINARY,
      }),
      description:
        'JSON, or JSON with the tensors’ bytes after it. gzip and deflate are understood both ways.',
      parameters: [HEADER_LENGTH],
      answers: {
        200: {
          description: 'The outputs',
          content: { ...json(reference('InferResponse')), ...BINARY },
        },
      },
    },
  ]),
  {
    ...post('/v2/repository/index', 'repositoryIndex', 'Every version the server knows', {}),
    body: { required: false, content: json(INDEX_REQUEST_SCHEMA) },
    answers: { 200: { description: 'The versions', content: json(reference('RepositoryIndex')) } },
  },
  modelControl('load', 'Looks at the registry now, and waits until the model infers'),
  modelControl('unload', 'Refused for what is there: it is unloaded by removing it there'),
]

function get(path: string, id: string, summary: string, schema: string): Operation {
  const content = json(reference(schema))
  return {
    method: 'get',
    path,
    id,
    tag: TAG,
    summary,
    answers: { 200: { description: summary, content } },
  }
}

function post(
  path: string,
  id: string,
  summary: string,
  content: NonNullable<Operation['body']>['content'],
) {
  return { method: 'post', path, id, tag: TAG, summary, body: { required: true, content } } as const
}

function readiness(path: string, id: string, summary: string): Operation {
  return { method: 'get', path, id, tag: TAG, summary, answers: { 200: EMPTY, 400: NO } }
}

function modelControl(verb: string, summary: string): Operation {
  const content = json(CONTROL_REQUEST_SCHEMA)
  return {
    method: 'post',
    path: `/v2/repository/models/{model}/${verb}`,
    id: `${verb}Model`,
    tag: TAG,
    summary,
    body: { required: false, content },
    answers: { 200: { description: 'Done', content: json({ type: 'object' }) } },
  }
}

function ofModel(operations: (path: string, suffix: string) => readonly Operation[]): Operation[] {
  return [
    ...operations('/v2/models/{model}', ''),
    ...operations('/v2/models/{model}/versions/{version}', 'Version'),
  ]
}
