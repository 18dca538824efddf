import type { PullCause } from '../wire/puller-protocol.ts'

/** Why a file could not be pulled. What lies in the world may pass; the rest says of the file. */
export class PullFailure extends Error {
  readonly kind: PullCause

  constructor(kind: PullCause, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'PullFailure'
    this.kind = kind
  }
}

/** The holder of the URL may not read (any more): another URL may help. */
export class Refused extends Error {}
