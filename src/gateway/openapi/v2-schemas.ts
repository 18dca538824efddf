import { DATATYPE_NAMES } from '../../wire/v2/datatype.ts'
import { reference, type Schema } from './operation.ts'

const DATATYPE = { type: 'string', enum: [...DATATYPE_NAMES] }
const SHAPE = { type: 'array', maxItems: 64, items: { type: 'integer', minimum: 0 } }
const PARAMETERS = { type: 'object', additionalProperties: true }
const COUNTED = {
  type: 'object',
  required: ['count', 'ns'],
  properties: { count: { type: 'integer' }, ns: { type: 'integer' } },
}
const TENSOR_METADATA = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'datatype', 'shape'],
    properties: {
      name: { type: 'string' },
      datatype: DATATYPE,
      shape: { type: 'array', items: { type: 'integer', minimum: -1 } },
    },
  },
}

/** The Open Inference Protocol's objects. */
export const V2_SCHEMAS: Readonly<Record<string, Schema>> = {
  InferInput: {
    type: 'object',
    required: ['name', 'shape', 'datatype'],
    properties: {
      name: { type: 'string' },
      shape: SHAPE,
      datatype: DATATYPE,
      data: {
        type: 'array',
        description: 'The elements in row-major order, flat or nested; absent for binary data',
        items: true,
      },
      parameters: {
        ...PARAMETERS,
        properties: { binary_data_size: { type: 'integer', minimum: 0 } },
      },
    },
  },
  RequestedOutput: {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string' },
      parameters: {
        ...PARAMETERS,
        properties: {
          binary_data: { type: 'boolean' },
          classification: { type: 'integer', minimum: 0, description: 'Best classes instead' },
        },
      },
    },
  },
  InferRequest: {
    type: 'object',
    required: ['inputs'],
    properties: {
      id: { type: 'string' },
      parameters: { ...PARAMETERS, properties: { binary_data_output: { type: 'boolean' } } },
      inputs: { type: 'array', maxItems: 1000, items: reference('InferInput') },
      outputs: { type: 'array', maxItems: 1000, items: reference('RequestedOutput') },
    },
  },
  InferResponse: {
    type: 'object',
    required: ['model_name', 'model_version', 'outputs'],
    properties: {
      id: { type: 'string' },
      model_name: { type: 'string' },
      model_version: { type: 'string' },
      outputs: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'datatype', 'shape'],
          properties: {
            name: { type: 'string' },
            datatype: DATATYPE,
            shape: SHAPE,
            data: { type: 'array', items: true },
            parameters: PARAMETERS,
          },
        },
      },
    },
  },
  ServerMetadata: {
    type: 'object',
    required: ['name', 'version', 'extensions'],
    properties: {
      name: { type: 'string' },
      version: { type: 'string' },
      extensions: { type: 'array', items: { type: 'string' } },
    },
  },
  ModelMetadata: {
    type: 'object',
    required: ['name', 'versions', 'platform', 'inputs', 'outputs'],
    properties: {
      name: { type: 'string' },
      versions: { type: 'array', items: { type: 'string' } },
      platform: { type: 'string' },
      inputs: TENSOR_METADATA,
      outputs: TENSOR_METADATA,
    },
  },
  ModelConfig: {
    type: 'object',
    required: ['name', 'platform', 'backend', 'max_batch_size', 'input', 'output'],
    properties: {
      name: { type: 'string' },
      platform: { type: 'string' },
      backend: { type: 'string' },
      max_batch_size: { const: 0 },
      input: { type: 'array', items: { type: 'object' } },
      output: { type: 'array', items: { type: 'object' } },
    },
  },
  ModelStatistics: {
    type: 'object',
    required: ['model_stats'],
    properties: {
      model_stats: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'version', 'inference_count', 'execution_count', 'inference_stats'],
          properties: {
            name: { type: 'string' },
            version: { type: 'string' },
            last_inference: { type: 'integer' },
            inference_count: { type: 'integer' },
            execution_count: { type: 'integer' },
            inference_stats: { type: 'object', additionalProperties: COUNTED },
          },
        },
      },
    },
  },
  RepositoryIndex: {
    type: 'array',
    items: {
      type: 'object',
      required: ['name', 'version', 'state', 'reason'],
      properties: {
        name: { type: 'string' },
        version: { type: 'string' },
        state: { type: 'string', enum: ['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE'] },
        reason: { type: 'string' },
      },
    },
  },
}
