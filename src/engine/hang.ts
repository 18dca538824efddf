/** The oldest request of an engine; times are those of performance.now(). */
export interface OldestRequest {
  readonly sentAt: number
  /** When the engine last answered any request. */
  readonly answeredAt: number
  /** As many requests as the engine has held at a time since it last had none. */
  readonly held: number
}

/**
 * When an engine that has not answered its oldest request counts as hung. It runs one request after
 * the other, so the time of a request begins with the answer to the one before. It decodes the
 * images of several at a time: one whose decoding hangs is passed by others, but not for longer than
 * all that the engine holds may take.
 */
export function hangsAt({ sentAt, answeredAt, held }: OldestRequest, timeoutMs: number): number {
  return Math.min(Math.max(sentAt, answeredAt) + timeoutMs, sentAt + (held + 1) * timeoutMs)
}
