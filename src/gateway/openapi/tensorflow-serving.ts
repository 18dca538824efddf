import { json, type Operation, type Parameter, reference, type Schema } from './operation.ts'

const TAG = 'tensorflow-serving'
const LABEL: Parameter = {
  name: 'label',
  in: 'path',
  description: 'stable or canary',
  required: true,
  schema: { type: 'string', enum: ['stable', 'canary'] },
}
const SIGNATURE_NAME = {
  type: 'string',
  description: 'Of a SavedModel with several; serving_default otherwise',
}
const EXAMPLES = {
  type: 'object',
  required: ['examples'],
  properties: {
    signature_name: SIGNATURE_NAME,
    context: { type: 'object', description: 'Features that all examples have' },
    examples: { type: 'array', items: { type: 'object' } },
  },
}

/** What TensorFlow Serving's REST interface takes and gives. */
export const SERVING_SCHEMAS: Readonly<Record<string, Schema>> = {
  PredictRequest: {
    type: 'object',
    description: 'Either rows (instances) or columns (inputs)',
    properties: {
      signature_name: SIGNATURE_NAME,
      instances: { type: 'array', items: true },
      inputs: true,
    },
  },
  PredictResponse: {
    type: 'object',
    properties: { predictions: { type: 'array', items: true }, outputs: true },
  },
  ExamplesRequest: EXAMPLES,
  Results: {
    type: 'object',
    required: ['results'],
    properties: { results: { type: 'array', items: true } },
  },
  ModelStatus: {
    type: 'object',
    required: ['model_version_status'],
    properties: {
      model_version_status: {
        type: 'array',
        items: {
          type: 'object',
          required: ['version', 'state', 'status'],
          properties: {
            version: { type: 'string' },
            state: { type: 'string', enum: ['START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END'] },
            status: { type: 'object' },
          },
        },
      },
    },
  },
  ServingError: {
    type: 'object',
    required: ['error'],
    properties: { error: { type: 'string' } },
  },
}

const PLACES = [
  ['/v1/models/{model}', ''],
  ['/v1/models/{model}/versions/{version}', 'Version'],
  ['/v1/models/{model}/labels/{label}', 'Label'],
] as const

/** TensorFlow Serving's REST interface. */
export const SERVING_OPERATIONS: readonly Operation[] = PLACES.flatMap(([place, suffix]) => [
  ask(place, `status${suffix}`, 'The state of the versions', reference('ModelStatus')),
  ask(`${place}/metadata`, `metadata${suffix}`, 'The signatures', { type: 'object' }),
  send(`${place}:predict`, `servingPredict${suffix}`, 'Inference', 'PredictRequest', {
    schema: 'PredictResponse',
    example: { instances: [[1], [2], [5]] },
  }),
  send(`${place}:classify`, `classify${suffix}`, 'Classes of examples', 'ExamplesRequest', {
    schema: 'Results',
    example: { examples: [{ x: 1 }] },
  }),
  send(`${place}:regress`, `regress${suffix}`, 'A value of each example', 'ExamplesRequest', {
    schema: 'Results',
    example: { examples: [{ x: 1 }] },
  }),
])

function ask(path: string, id: string, summary: string, schema: Schema): Operation {
  const answers = { 200: { description: summary, content: json(schema) } }
  const parameters = [LABEL]
  return {
    method: 'get',
    path,
    id,
    tag: TAG,
    summary,
    parameters,
    answers,
    error: reference('ServingError'),
  }
}

function send(
  path: string,
  id: string,
  summary: string,
  request: string,
  { schema, example }: { schema: string; example: unknown },
): Operation {
  return {
    ...ask(path, id, summary, reference(schema)),
    method: 'post',
    body: { required: true, content: json(reference(request), example) },
  }
}
