import { createHash } from 'node:crypto'

import { z } from 'zod'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { IMAGE_DTYPES, type Manifest, MODEL_FORMATS, RESIZE_METHODS } from '../domain/manifest.ts'
import { isModelName } from '../domain/version.ts'
import { canonicalJson } from '../lib/canonical-json.ts'
import { sentencesOf } from './issues.ts'
import { collidingPath, filePathProblem } from './manifest-path.ts'

export const MANIFEST_FILE = 'manifest.json'
export const MANIFEST_BYTES_MAX = 4 * 1024 ** 2
export const VERSION_FILES_MAX = 10_000

const SIDE_MAX = 16_384
const BATCH_SIZE_MAX = 1024
const NAME_CHARACTERS_MAX = 1024

const filePath = z.string('expected a path').superRefine((path, context) => {
  const problem = filePathProblem(path)
  if (problem !== undefined) context.addIssue(problem)
})

const file = z.object({
  path: filePath,
  bytes: whole(0, Number.MAX_SAFE_INTEGER),
  sha256: z
    .string('expected a sha256')
    .regex(/^[0-9a-f]{64}$/i, 'expected a sha256: 64 hexadecimal digits')
    .toLowerCase(),
})

const files = z
  .array(file, 'expected a list of files')
  .min(1, 'expected at least one file')
  .max(VERSION_FILES_MAX, `expected at most ${VERSION_FILES_MAX} files`)
  .superRefine((entries, context) => {
    const colliding = collidingPath(entries.map(({ path }) => path))
    if (colliding === undefined) return
    context.addIssue(`${JSON.stringify(colliding)} cannot lie beside another path of the list`)
  })

const perChannel = z.array(finite(), 'expected a list of numbers, one per channel').min(1).max(4)

const image = object({
  input: name(),
  width: whole(1, SIDE_MAX),
  height: whole(1, SIDE_MAX),
  crop: finite('expected a fraction: above 0, at most 1')
    .positive('expected a fraction: above 0, at most 1')
    .max(1, 'expected a fraction: above 0, at most 1'),
  resize: oneOf(RESIZE_METHODS),
  color: oneOf(['rgb', 'bgr', 'gray']),
  scale: finite().refine((scale) => scale !== 0, 'expected a number other than 0'),
  mean: perChannel,
  std: perChannel.refine((std) => !std.includes(0), 'expected numbers other than 0'),
  layout: oneOf(['NHWC', 'NCHW']),
  dtype: oneOf(IMAGE_DTYPES),
  orient: z.boolean('expected true or false'),
  alpha: oneOf(['drop', 'white', 'black']),
})

const manifestSchema = z
  .object(
    {
      schema: z
        .literal('cutover/manifest/v1', 'expected "cutover/manifest/v1"')
        .default('cutover/manifest/v1'),
      model: z.string().refine(isModelName, "expected a model's name").optional(),
      version: whole(1, Number.MAX_SAFE_INTEGER).optional(),
      format: oneOf(MODEL_FORMATS).optional(),
      files,
      image: image.optional(),
      output: object({ name: name(), activation: oneOf(['none', 'softmax']) }).optional(),
      labels: filePath.optional(),
      warmup: object({
        batches: z.array(whole(1, BATCH_SIZE_MAX), 'expected a list of batch sizes').max(32),
        shapes: z.record(
          z.string(),
          z.array(whole(1, 2 ** 31 - 1), 'expected a list of sizes').max(32),
          'expected shapes by the names of inputs',
        ),
      }).optional(),
      batching: z.object({ sizeMax: whole(2, BATCH_SIZE_MAX) }, 'expected an object').optional(),
      annotations: z
        .record(z.string(), z.string('expected a string'), 'expected an object of strings')
        .optional(),
    },
    'expected an object',
  )
  .superRefine(({ files, labels }, context) => {
    if (labels === undefined || files.some(({ path }) => path === labels)) return
    context.addIssue({ code: 'custom', path: ['labels'], message: 'expected one of the files' })
  })

/**
 * A manifest from the bytes of its file. Unknown keys are left out: a newer publisher may write
 * them. Throws MANIFEST_INVALID with a sentence that names what is wrong and what was expected.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MANIFEST_BYTES_MAX) {
    throw invalid(`expected at most ${MANIFEST_BYTES_MAX} bytes, not ${bytes.length}`)
  }
  const parsed = manifestSchema.safeParse(parseJson(bytes))
  if (parsed.success) return parsed.data
  throw invalid(sentencesOf(parsed.error))
}

/** The same text for the same content, however its file is laid out. */
export function canonicalManifest(manifest: Manifest): string {
  const files = [...manifest.files].sort((a, b) => (a.path < b.path ? -1 : 1))
  return canonicalJson({ ...manifest, files })
}

/** The identity of a version: SHA-256 of its canonical manifest, lower-case hexadecimal. */
export function digestOf(manifest: Manifest): string {
  return createHash('sha256').update(canonicalManifest(manifest)).digest('hex')
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw invalid(`expected JSON in UTF-8: ${messageOf(error)}`, error)
  }
}

function invalid(sentence: string, cause?: unknown): CutoverError {
  return new CutoverError('MANIFEST_INVALID', `${MANIFEST_FILE}: ${sentence}`, { cause })
}

/** An object whose members may each be absent. */
function object<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.object(shape, 'expected an object').partial()
}

function whole(min: number, max: number) {
  const expected = `expected a whole number from ${min} to ${max}`
  return z.number(expected).int(expected).min(min, expected).max(max, expected)
}

function finite(expected = 'expected a number') {
  return z.number(expected)
}

function name() {
  const expected = `expected a name of 1 to ${NAME_CHARACTERS_MAX} characters`
  return z.string(expected).min(1, expected).max(NAME_CHARACTERS_MAX, expected)
}

function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, `expected one of ${values.join(', ')}`)
}
