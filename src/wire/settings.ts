import { z } from 'zod'

import { isModelName } from '../domain/version.ts'

const MS_MAX = 24 * 3600 * 1000
const BYTES_MAX = Number.MAX_SAFE_INTEGER

/**
 * Every setting of `cutover serve`, in one place: the flags, the environment variables
 * (CUTOVER_ and the name in capitals), the keys of the config file, the help and
 * docs/configuration.md are made from it.
 */
export const SETTINGS = {
  registry: text(
    './models',
    'what to serve: s3://BUCKET/PREFIX, a registry folder, one model, or one model file',
  ),
  defaultModel: z
    .string()
    .refine(isModelName, 'expected the name of a model')
    .optional()
    .describe('the model behind /predict; the only one if absent'),
  versionsLoadedMax: count(1, 100, 1, 'newest versions of a model that are kept loaded'),
  modelsMax: count(1, 100_000, 1000, 'models served at the most'),
  device: z
    .enum(['auto', 'cpu', 'gpu'])
    .default('auto')
    .describe('where models run; auto: on a GPU where the process sees one'),

  host: text('0.0.0.0', 'address of the data port'),
  port: count(0, 65_535, 5000, 'data port; 0 takes a free one'),
  adminHost: text('127.0.0.1', 'address of the admin port; other than loopback needs a token'),
  adminPort: count(-1, 65_535, 5001, 'admin port; 0 takes a free one, -1 opens none'),
  adminToken: z
    .string()
    .min(16, 'expected at least 16 characters')
    .optional()
    .describe(
      'bearer token of at least 16 characters that the admin port asks for; better given by CUTOVER_ADMIN_TOKEN',
    ),

  grpcPort: count(
    -1,
    65_535,
    8001,
    'gRPC port, on the host of the data port; 0 takes a free one, -1 opens none',
  ),
  grpcMessageBytesMax: bytes(64 * 1024 ** 2, 'largest gRPC message'),
  grpcTlsCert: file('PEM file of the certificate chain that the gRPC port shows; with grpcTlsKey'),
  grpcTlsKey: file('PEM file of its private key'),
  grpcTlsClientCa: file('PEM file of who must have signed the certificates of gRPC clients'),

  engines: count(0, 1024, 0, 'engine processes per loaded version; 0: one per core, two for a GPU'),
  threadsPerEngine: count(1, 1024, 1, 'threads of one inference'),
  threadsAlone: count(
    -1,
    1024,
    -1,
    'threads for a request that is alone in the server; -1: one per core, 0: no such session',
  ),
  inflightPerEngineMax: count(
    1,
    1024,
    3,
    'requests an engine holds: one runs, others decode; more if they are short',
  ),
  queueLengthMax: count(1, 1_000_000, 512, 'requests that wait for a model before 429 is answered'),
  engineMemoryBytesMax: bytes(
    0,
    'resident memory beyond which an engine is killed; 0: three quarters of what the machine has',
  ),

  engineNice: count(0, 19, 5, 'how much engines give way to the server when cores are short'),

  requestTimeoutMs: ms(30_000, 'deadline of a request, from its last byte to its answer', 1),
  runTimeoutMs: ms(10_000, 'time after which a running engine counts as hung and is killed', 1),
  loadTimeoutMs: ms(300_000, 'time a version may take to load and warm up', 1),
  bodyTimeoutMs: ms(30_000, 'time a client may take to send a request', 1),
  answerTimeoutMs: ms(30_000, 'time for which a client may read nothing of its answer', 1),
  headersTimeoutMs: ms(10_000, 'time a client may take to send the headers', 1),
  keepAliveTimeoutMs: ms(65_000, 'time an idle connection is kept', 1),
  drainTimeoutMs: ms(25_000, 'time that requests get to finish when a version or the server goes'),
  shutdownGraceMs: ms(3_000, 'after SIGTERM, time for which connections are still accepted'),

  bodyBytesMax: bytes(16 * 1024 ** 2, 'largest request body'),
  pixelsMax: count(1, 1_000_000_000, 25_000_000, 'largest image, in pixels'),
  topKMax: count(1, 100_000, 1000, 'largest top_k'),

  cacheDir: z
    .string()
    .min(1)
    .optional()
    .describe('where verified copies of versions are kept; the user cache directory if absent'),
  versionBytesMax: bytes(32 * 1024 ** 3, 'largest version'),
  settleMs: ms(1_000, 'time for which the files of a version without a manifest must be still'),
  watchPolling: flag('look at the folder by polling, for network file systems'),
  cacheBytesMax: bytes(
    64 * 1024 ** 3,
    'files of versions pulled from a bucket that are kept on the disk, those in use included',
  ),
  cacheFreeBytesMin: bytes(1024 ** 3, 'what a pull leaves free on the disk'),

  pollIntervalMs: ms(10_000, 'time between two looks at a bucket, give or take a fifth'),
  pullConnections: count(1, 64, 8, 'connections over which a version is pulled from a bucket'),
  s3PathStyle: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe("whether a bucket's name stands in the path; auto: where an endpoint is set"),
  s3ConnectTimeoutMs: ms(5_000, 'time a connection to the bucket may take'),
  s3RequestTimeoutMs: ms(30_000, 'time the bucket may take to answer, files of versions aside'),
  s3StallTimeoutMs: ms(15_000, 'time after which a pull that hardly moves is begun anew'),

  rolloutStrategy: z
    .enum(['canary', 'immediate'])
    .default('canary')
    .describe('how a new version takes the traffic where neither file nor model.json says so'),
  rolloutPolicy: z
    .string()
    .min(1)
    .optional()
    .describe('JSON file, as a model.json, with what holds for models that do not say otherwise'),

  webhookUrls: urls(10, 'where events are sent to: http or https addresses, comma separated'),
  webhookSecret: z
    .string()
    .min(16, 'expected at least 16 characters')
    .optional()
    .describe(
      'key of at least 16 characters that signs what webhooks are sent; better given by CUTOVER_WEBHOOK_SECRET',
    ),
  webhookTimeoutMs: count(1, 600_000, 10_000, 'time a webhook may take to answer, in milliseconds'),

  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('least severe level that is logged'),
  logFormat: z
    .enum(['auto', 'json', 'pretty'])
    .default('auto')
    .describe('auto: readable on a terminal, JSON otherwise'),
  accessLog: flag('log every request'),
} as const

export const settingsSchema = z.strictObject(SETTINGS)

export type Settings = z.output<typeof settingsSchema>

export type SettingName = keyof typeof SETTINGS

/** What must not be shown, in a log or elsewhere. An address may have a key in its path. */
export const SECRETS: ReadonlySet<SettingName> = new Set([
  'adminToken',
  'webhookSecret',
  'webhookUrls',
])

function text(otherwise: string, description: string) {
  return z.string().min(1).default(otherwise).describe(description)
}

function file(description: string) {
  return z.string().min(1).optional().describe(description)
}

function count(min: number, max: number, otherwise: number, description: string) {
  const expected = `expected a whole number from ${min} to ${max}`
  return z.coerce
    .number(expected)
    .int(expected)
    .min(min, expected)
    .max(max, expected)
    .default(otherwise)
    .describe(description)
}

function ms(otherwise: number, description: string, min = 0) {
  return count(min, MS_MAX, otherwise, `${description}, in milliseconds`)
}

function bytes(otherwise: number, description: string) {
  const expected = 'expected bytes: a whole number, or one with KB, MB, GB, KiB, MiB or GiB'
  return z
    .union([z.string(), z.number()], expected)
    .transform((value) => parseBytes(value))
    .pipe(z.number(expected).int(expected).min(0, expected).max(BYTES_MAX, expected))
    .default(otherwise)
    .describe(`${description}, in bytes (16MiB and the like)`)
}

function urls(max: number, description: string) {
  const expected = `expected at most ${max} http or https addresses without a user name`
  return z
    .union([z.string(), z.array(z.string())], expected)
    .transform((given) => (Array.isArray(given) ? given : given.split(',')))
    .transform((given) => [...new Set(given.map((url) => url.trim()).filter((url) => url !== ''))])
    .pipe(z.array(z.string().refine(isWebUrl, expected), expected).max(max, expected))
    .default([])
    .describe(description)
}

function isWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

function flag(description: string) {
  const words = new Map<unknown, boolean>([
    [true, true],
    ['true', true],
    ['1', true],
    [false, false],
    ['false', false],
    ['0', false],
  ])
  return z
    .union([z.boolean(), z.string()])
    .transform((value) => words.get(value))
    .pipe(z.boolean('expected true or false'))
    .default(false)
    .describe(description)
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

function parseBytes(value: string | number): number {
  const [, amount, unit] = /^(\d+) ?([a-z]*)$/i.exec(String(value)) ?? []
  return Number(amount) * (UNITS[(unit || 'b').toLowerCase()] ?? NaN)
}
