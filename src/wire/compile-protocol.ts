import { z } from 'zod'

import { CutoverError, ERROR_CODES } from '../domain/errors.ts'
import { type DType, isDType } from '../domain/tensor.ts'

/** Changes whenever the same file would be compiled to something else. */
export const COMPILER_VERSION = 1

const specSchema = z.object({
  name: z.string(),
  dtype: z.custom<DType>(isDType),
  shape: z.array(z.union([z.number(), z.string(), z.null()])),
})

const messageSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('compiled'),
    signature: z.object({ inputs: z.array(specSchema), outputs: z.array(specSchema) }),
    nodes: z.number(),
    bytes: z.number(),
    warnings: z.array(z.string()),
  }),
  z.object({ kind: z.literal('failed'), code: z.enum(ERROR_CODES), message: z.string() }),
])

/** What a compiler process says before it ends. */
export type CompilerMessage = z.output<typeof messageSchema>

export type CompiledModel = Omit<Extract<CompilerMessage, { kind: 'compiled' }>, 'kind'>

/** Throws INTERNAL for anything else. */
export function parseCompilerMessage(message: unknown): CompilerMessage {
  const parsed = messageSchema.safeParse(message)
  if (parsed.success) return parsed.data
  throw new CutoverError('INTERNAL', `the compiler said something else: ${parsed.error.message}`)
}
