import { ERROR_CODES } from '../../domain/errors.ts'
import { json, type Operation, reference, type Schema } from './operation.ts'

export const COMMON_SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: {
    type: 'object',
    description: 'What went wrong: a sentence for people, a code for programs',
    required: ['error', 'code'],
    properties: {
      error: { type: 'string' },
      code: { type: 'string', enum: [...ERROR_CODES] },
    },
  },
}

/** What the server says of itself, on the data port. */
export const SERVER_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/models',
    id: 'listModels',
    tag: 'server',
    summary: 'Every model and version the server knows',
    description: 'Its state, digest and signature, and the reason when it is not served.',
    answers: {
      200: {
        description: 'The models, and how the registry is',
        content: json(reference('Models')),
      },
    },
  },
  health('live', 'The process answers', 'live', []),
  health('ready', 'Requests are welcome: what is loaded can infer', 'ready', ['503']),
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    tag: 'server',
    summary: 'Metrics for Prometheus',
    answers: {
      200: {
        description: 'The text format of Prometheus',
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
    },
  },
]

/** This description itself, on either port. */
export const SELF_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/openapi.json',
    id: 'openapi',
    tag: 'server',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1', content: json({ type: 'object' }) } },
  },
  {
    method: 'get',
    path: '/docs',
    id: 'docs',
    tag: 'server',
    summary: 'This document for people',
    answers: {
      200: {
        description: 'A page that needs no network',
        content: { 'text/html': { schema: { type: 'string' } } },
      },
    },
  },
]

export const SERVER_SCHEMAS: Readonly<Record<string, Schema>> = {
  Models: {
    type: 'object',
    required: ['models', 'pending', 'registry'],
    properties: {
      models: {
        type: 'array',
        items: {
          type: 'object',
          required: ['name', 'rollout', 'stable', 'versions'],
          properties: {
            name: { type: 'string' },
            stable: {
              type: ['integer', 'null'],
              description: 'The version that takes the traffic',
            },
            rollout: {
              type: ['object', 'null'],
              required: ['phase', 'candidate', 'weight', 'problem'],
              properties: {
                phase: { type: 'string' },
                candidate: { type: ['integer', 'null'] },
                weight: { type: ['number', 'null'], description: 'Per cent of the traffic' },
                problem: { type: ['string', 'null'] },
              },
            },
            versions: {
              type: 'array',
              items: {
                type: 'object',
                required: ['version', 'state', 'since', 'inRegistry'],
                properties: {
                  version: { type: 'integer' },
                  state: {
                    type: 'string',
                    enum: ['new', 'loading', 'ready', 'draining', 'rejected', 'retrying'],
                  },
                  since: { type: 'string', format: 'date-time' },
                  inRegistry: { type: 'boolean' },
                  reason: { type: 'string', description: 'Why it is not served' },
                },
              },
            },
          },
        },
      },
      pending: {
        type: 'array',
        description: 'Versions that are there in part',
        items: {
          type: 'object',
          required: ['model', 'version', 'reason'],
          properties: {
            model: { type: 'string' },
            version: { type: 'integer' },
            reason: { type: 'string' },
          },
        },
      },
      registry: {
        type: 'object',
        required: ['location', 'lastSuccessAt', 'unavailable', 'problems'],
        properties: {
          location: { type: 'string' },
          lastSuccessAt: { type: ['string', 'null'], format: 'date-time' },
          unavailable: { type: ['string', 'null'], description: 'Why it cannot be read now' },
          problems: {
            type: 'array',
            items: {
              type: 'object',
              required: ['path', 'reason'],
              properties: { path: { type: 'string' }, reason: { type: 'string' } },
            },
          },
        },
      },
    },
  },
}

function health(name: string, summary: string, status: string, others: string[]): Operation {
  const body = { type: 'object', required: ['status'], properties: { status: { const: status } } }
  const refusal = {
    type: 'object',
    required: ['status', 'reason'],
    properties: { status: { const: `not ${status}` }, reason: { type: 'string' } },
  }
  return {
    method: 'get',
    path: `/healthz/${name}`,
    id: `healthz-${name}`,
    tag: 'server',
    summary,
    answers: {
      200: { description: 'Yes', content: json(body) },
      ...Object.fromEntries(
        others.map((code) => [code, { description: 'No, and why', content: json(refusal) }]),
      ),
    },
  }
}
