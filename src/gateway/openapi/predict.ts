import { json, type Operation, type Parameter, reference, type Schema } from './operation.ts'

const TOP_K: Parameter = {
  name: 'top_k',
  in: 'query',
  description: 'How many predictions to answer, best first',
  schema: { type: 'integer', minimum: 1 },
}

const IMAGE = { type: 'string', format: 'binary' }

export const PREDICT_SCHEMAS: Readonly<Record<string, Schema>> = {
  Prediction: {
    type: 'object',
    required: ['class_index'],
    properties: {
      class_index: {
        type: 'integer',
        minimum: 0,
        description: 'The index of the highest score, the lower one of equal scores',
      },
      predictions: {
        type: 'array',
        description: 'Where top_k asks for them',
        items: {
          type: 'object',
          required: ['class_index', 'label', 'score'],
          properties: {
            class_index: { type: 'integer', minimum: 0 },
            label: { type: ['string', 'null'] },
            score: { type: 'number' },
          },
        },
      },
    },
  },
}

/** An image in, its class out. */
export const PREDICT_OPERATIONS: readonly Operation[] = [
  ['/predict', 'predict', 'The class of an image, by the only or the default model'],
  ['/models/{model}/predict', 'predictByModel', 'The class of an image, by a model'],
  [
    '/models/{model}/versions/{version}/predict',
    'predictByVersion',
    'The class of an image, by one version of a model',
  ],
].map(([path = '', id = '', summary = '']) => ({
  method: 'post',
  path,
  id,
  tag: 'predict',
  summary,
  parameters: [TOP_K],
  body: {
    required: true,
    content: {
      'multipart/form-data': {
        schema: { type: 'object', required: ['image'], properties: { image: IMAGE } },
      },
      'image/jpeg': { schema: IMAGE },
      'image/png': { schema: IMAGE },
      'image/webp': { schema: IMAGE },
      'application/octet-stream': { schema: IMAGE },
      ...json({
        type: 'object',
        required: ['image'],
        properties: { image: { type: 'string', contentEncoding: 'base64' } },
      }),
    },
  },
  answers: {
    200: {
      description: 'The class',
      content: json(reference('Prediction'), { class_index: 967 }),
    },
  },
}))
