import { CutoverError, messageOf } from '../domain/errors.ts'
import type { CompilerMessage } from '../wire/compile-protocol.ts'
import { compileKeras } from './compile.ts'

/**
 * The program of a compiler process: `main.js SOURCE TARGET`. It says how it went over the IPC
 * channel, and ends. Files of strangers meet a C library here, compiled to WebAssembly: who starts
 * it bounds its time and its memory.
 */
const [, , source = '', target = ''] = process.argv

// Without its parent nobody waits for the result any more.
process.on('disconnect', () => process.exit(1))
// A signal to the process group (Ctrl-C on a terminal) is the parent's to handle.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

process.send?.(await answer(), () => process.exit(0))

async function answer(): Promise<CompilerMessage> {
  try {
    return { kind: 'compiled', ...(await compileKeras(source, target)) }
  } catch (error) {
    const code = error instanceof CutoverError ? error.code : 'INTERNAL'
    return { kind: 'failed', code, message: messageOf(error) }
  }
}
