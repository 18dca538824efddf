import { type ChildProcess, fork } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { deferred } from '../lib/deferred.ts'
import { describeBytes } from '../lib/describe-bytes.ts'
import { MemoryWatch } from '../lib/memory-watch.ts'
import { nodeBoundToParent } from '../lib/node-bound-to-parent.ts'
import type { CompiledModel } from '../wire/compile-protocol.ts'

/** MobileNetV2 takes less than a second and ResNet50 less than three; slow machines get more. */
const TIMEOUT_MS = 6_000
const TIMEOUT_MS_PER_MB = 100
const MEMORY_BYTES = 640 * 1024 ** 2
/** Weights pass through one at a time, but the largest may be most of the file. */
const MEMORY_PER_BYTE = 3
/** The weights lie outside of V8's heap; a small young generation is left for the rest. */
const V8_FLAGS = ['--max-old-space-size=384', '--max-semi-space-size=1', '--expose-gc']

/** What stands beside this file once it is compiled; from source, what was compiled last. */
const COMPILER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/keras/main.js' : '../keras/main.js',
    import.meta.url,
  ),
)
/** What the process reads of the environment: no credentials. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'LD_LIBRARY_PATH', 'NODE_OPTIONS']

/**
 * Compiles a Keras file to ONNX in a process of its own, with bounds on its time and memory. Throws
 * FORMAT_UNSUPPORTED or MODEL_UNLOADABLE when the file is at fault, the signal's reason on abort.
 */
export async function compileKerasFile(
  source: string,
  target: string,
  signal: AbortSignal,
): Promise<CompiledModel> {
  signal.throwIfAborted()
  const { size } = await stat(source)
  const said = deferred<unknown>()
  const timeoutMs = Math.round(TIMEOUT_MS + (size / 1e6) * TIMEOUT_MS_PER_MB)
  // In CPU time, which its helper threads share, twice the deadline comes after the deadline.
  const { command, args } = nodeBoundToParent(V8_FLAGS, (2 * timeoutMs) / 1000)
  const compiler = fork(COMPILER, [source, target], {
    execPath: command,
    execArgv: args,
    env: environment(),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  // Loaded while the compiler starts, which takes longer.
  const protocol = import('../wire/compile-protocol.ts')
  const fail = (sentence: string) => said.reject(new CutoverError('MODEL_UNLOADABLE', sentence))
  const timer = setTimeout(() => fail(`it did not compile in ${timeoutMs} ms`), timeoutMs)
  const bytesMax = MEMORY_BYTES + size * MEMORY_PER_BYTE
  const memory = new MemoryWatch(compiler.pid ?? -1, {
    bytesMax,
    onExceeded: () => {
      fail(`compiling it takes more than ${describeBytes(bytesMax)} of memory`)
    },
  })
  const onAbort = () => said.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  compiler.on('message', said.resolve)
  compiler.on('error', (error) => fail(`the compiler did not start: ${messageOf(error)}`))
  const ended = endOf(compiler)
  void ended.then((how) => fail(`the compiler did not survive it: ${how}`))
  try {
    const message = await said.promise
    const { parseCompilerMessage } = await protocol
    const answer = parseCompilerMessage(message)
    if (answer.kind === 'compiled') return answer
    throw new CutoverError(answer.code, answer.message)
  } finally {
    clearTimeout(timer)
    memory.stop()
    signal.removeEventListener('abort', onAbort)
    compiler.kill('SIGKILL')
    await ended
  }
}

function endOf(compiler: ChildProcess): Promise<string> {
  const ended = deferred<string>()
  compiler.once('error', () => ended.resolve('it did not start'))
  compiler.once('exit', (code, killedBy) => {
    ended.resolve(killedBy === null ? `it exited with code ${code}` : `it was ended by ${killedBy}`)
  })
  return ended.promise
}

function environment(): NodeJS.ProcessEnv {
  const kept = ENVIRONMENT.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined))
}
