import { CutoverError, messageOf } from '../domain/errors.ts'
import { exitCodeOf } from './exit-code.ts'
import { writeError, writeJson } from './output.ts'

/**
 * Runs a command: a first SIGINT or SIGTERM aborts it, a second ends it. A failure becomes an
 * exit code, a sentence on the error stream and, with --json, a document that says the same.
 */
export async function interruptible(
  { json = false }: { readonly json?: boolean },
  action: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController()
  const stop = () => stopping.abort(new CutoverError('REQUEST_ABORTED', 'interrupted'))
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop)
  try {
    await action(stopping.signal)
  } catch (thrown) {
    const error = stopping.signal.aborted ? stopping.signal.reason : thrown
    const code = error instanceof CutoverError ? error.code : 'INTERNAL'
    if (json) writeJson({ error: { code, message: messageOf(error) } })
    writeError(error)
    process.exitCode = exitCodeOf(error)
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop)
  }
}
