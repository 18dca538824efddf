import { z } from 'zod'

import { CutoverError } from '../domain/errors.ts'

const REASON_CHARACTERS_MAX = 1000

/** What the server asks of the process that pulls files. */
export type PullerCommand =
  | {
      readonly kind: 'pull'
      readonly id: number
      /** Where it is read from: http: or https:, with the right to read in it. */
      readonly url: string
      /** The object's state that is wanted; '' : any. */
      readonly etag: string
      /** Absolute path; its directory exists. */
      readonly file: string
      /** The file exists and is the beginning of what is wanted; otherwise there is none yet. */
      readonly isBegun: boolean
      readonly bytes: number
      readonly sha256: string
    }
  | {
      readonly kind: 'verify'
      readonly id: number
      readonly file: string
      readonly bytes: number
      readonly sha256: string
    }
  /** A URL in the place of one that was refused. */
  | { readonly kind: 'url'; readonly id: number; readonly url: string }

const pullerReply = z.discriminatedUnion('kind', [
  /** Bytes that arrived, or were read again; below zero: some that did were for nothing. */
  z.object({ kind: z.literal('progress'), id: z.int(), bytes: z.int() }),
  z.object({ kind: z.literal('done'), id: z.int() }),
  /** The URL is not valid (any more). */
  z.object({ kind: z.literal('refused'), id: z.int() }),
  z.object({
    kind: z.literal('failed'),
    id: z.int(),
    /** absent: there is none; changed: another state is there now; the rest are its bytes. */
    cause: z.enum(['absent', 'changed', 'corrupt', 'disk', 'world']),
    reason: z.string().transform((text) => text.slice(0, REASON_CHARACTERS_MAX)),
  }),
])

export type PullerReply = z.output<typeof pullerReply>
export type PullCause = Extract<PullerReply, { kind: 'failed' }>['cause']

/** The process reads bytes of strangers: what it says is checked. Throws INTERNAL. */
export function parsePullerReply(message: unknown): PullerReply {
  const parsed = pullerReply.safeParse(message)
  if (parsed.success) return parsed.data
  throw new CutoverError('INTERNAL', 'the process that pulls files sent what is no reply')
}
