import { CutoverError, type ErrorCode } from '../domain/errors.ts'

/** The command failed, or found what it looked for to be wrong. */
export const EXIT_FAILED = 1
/** A command that was used wrongly, as against one that failed. */
export const EXIT_USAGE = 2
const EXIT_VERSION_EXISTS = 3
/** What was asked for means nothing now. */
const EXIT_REFUSED = 3
const EXIT_MODEL_REFUSED = 4

const CODES: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT_USAGE,
  VERSION_EXISTS: EXIT_VERSION_EXISTS,
  ROLLOUT_REFUSED: EXIT_REFUSED,
  FORMAT_UNSUPPORTED: EXIT_MODEL_REFUSED,
  MANIFEST_INVALID: EXIT_MODEL_REFUSED,
  MODEL_UNLOADABLE: EXIT_MODEL_REFUSED,
  VERSION_CORRUPT: EXIT_MODEL_REFUSED,
}

/** How a command that threw this ends; docs/publishing.md lists the codes. */
export function exitCodeOf(thrown: unknown): number {
  return (thrown instanceof CutoverError && CODES[thrown.code]) || EXIT_FAILED
}
