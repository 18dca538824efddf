import { rolloutCommandSchema } from '../../wire/rollout-command.ts'
import { json, type Operation, type Parameter, reference, type Schema } from './operation.ts'

const EVENT_PARAMETERS: readonly Parameter[] = [
  {
    name: 'since',
    in: 'query',
    description: 'The id of the last event that was seen; without it, the newest are answered',
    schema: { type: 'string', minLength: 1, maxLength: 100 },
  },
  {
    name: 'limit',
    in: 'query',
    description: 'How many events',
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  },
  {
    name: 'model',
    in: 'query',
    description: 'Only events of this model',
    schema: { type: 'string' },
  },
]
const OBJECT = { type: 'object' }

export const ADMIN_SCHEMAS: Readonly<Record<string, Schema>> = {
  Rollout: {
    type: 'object',
    required: [
      'model',
      'state',
      'policy',
      'verdict',
      'traffic',
      'problem',
      'failed',
      'policyProblem',
    ],
    properties: {
      model: { type: 'string' },
      state: { ...OBJECT, description: 'What is stored in the registry’s control folder' },
      policy: OBJECT,
      verdict: { type: ['object', 'null'], description: 'The evidence so far' },
      traffic: { type: ['object', 'null'], description: 'What both versions do now' },
      problem: { type: ['string', 'null'], description: 'What keeps it from going on' },
      failed: {
        description: 'Versions that could not be loaded, for good or so far',
        type: 'array',
        items: {
          type: 'object',
          required: ['version', 'reason'],
          properties: { version: { type: 'integer' }, reason: { type: 'string' } },
        },
      },
      policyProblem: {
        type: ['string', 'null'],
        description: 'Why what its model.json says is not in force',
      },
    },
  },
  Command: rolloutCommandSchema(),
  Events: {
    type: 'object',
    required: ['events', 'missed', 'lastId'],
    properties: {
      events: { type: 'array', items: OBJECT },
      missed: { description: 'Whether events after `since` were forgotten' },
      lastId: { description: 'To ask on from' },
    },
  },
}

/** What operators ask the admin port. */
export const ADMIN_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/rollouts',
    id: 'listRollouts',
    tag: 'rollouts',
    summary: 'The rollout of every model, with its evidence',
    answers: {
      200: {
        description: 'The rollouts',
        content: json({
          type: 'object',
          required: ['rollouts'],
          properties: { rollouts: { type: 'array', items: reference('Rollout') } },
        }),
      },
    },
  },
  {
    method: 'get',
    path: '/rollouts/{model}',
    id: 'showRollout',
    tag: 'rollouts',
    summary: 'The rollout of a model',
    answers: { 200: { description: 'The rollout', content: json(reference('Rollout')) } },
  },
  {
    method: 'post',
    path: '/rollouts/{model}/commands',
    id: 'commandRollout',
    tag: 'rollouts',
    summary: 'Promotes, pauses, resumes, aborts, retries, pins or unpins',
    body: {
      required: true,
      content: json(reference('Command'), { kind: 'pause', who: 'ann', reason: 'looks odd' }),
    },
    answers: {
      200: { description: 'The rollout as it is now', content: json(reference('Rollout')) },
    },
  },
  {
    method: 'get',
    path: '/events',
    id: 'listEvents',
    tag: 'events',
    summary: 'What happened to versions, engines and rollouts',
    description: 'As it happens for who accepts text/event-stream.',
    parameters: EVENT_PARAMETERS,
    answers: {
      200: {
        description: 'The events, the oldest first',
        content: {
          ...json(reference('Events')),
          'text/event-stream': { schema: { type: 'string' } },
        },
      },
    },
  },
  {
    method: 'post',
    path: '/registry/events',
    id: 'registryEvents',
    tag: 'events',
    summary: 'A bucket’s event: a hint to look at the registry now',
    description: 'In the shapes of Amazon S3, SNS and EventBridge, and of what imitates them.',
    body: { required: true, content: json(OBJECT) },
    answers: {
      202: {
        description: 'Whether it was about this registry',
        content: json({
          type: 'object',
          required: ['looking'],
          properties: { looking: { type: 'boolean' } },
        }),
      },
    },
  },
]
