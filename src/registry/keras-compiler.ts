import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { cpuTimeMs } from '../lib/cpu-time.ts'
import { deferred } from '../lib/deferred.ts'
import { describeBytes } from '../lib/describe-bytes.ts'
import { endAtOnce } from '../lib/end-at-once.ts'
import { MemoryWatch } from '../lib/memory-watch.ts'
import { nodeBoundToParent } from '../lib/node-bound-to-parent.ts'
import { isFromOutside } from '../lib/outside-signals.ts'
import { isAbandoned, ownedPrefix } from '../lib/process-identity.ts'
import { removeTree } from '../lib/remove-tree.ts'
import type { CompiledModel } from '../wire/compile-protocol.ts'
import { latenessOf } from './compile-deadline.ts'

/** MobileNetV2 takes less than a second and ResNet50 less than three; slow machines get more. */
const TIMEOUT_MS = 6_000
const TIMEOUT_MS_PER_MB = 100
const SCRATCH = '.scratch-'
/** How often to look at it within that time. */
const LOOKS = 8
const MEMORY_BYTES = 640 * 1024 ** 2
/** Weights pass through one at a time, but the largest may be most of the file. */
const MEMORY_PER_BYTE = 3
/** The weights lie outside of V8's heap; a small young generation is left for the rest. */
const V8_FLAGS = ['--max-old-space-size=384', '--max-semi-space-size=1', '--expose-gc']
/** What a shell exits with that cannot start another process: no process is left, or no program. */
const SHELL_CODES: ReadonlySet<number | null> = new Set([2, 126, 127])

/** What stands beside this file once it is compiled; from source, what was compiled last. */
const COMPILER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/keras/main.js' : '../keras/main.js',
    import.meta.url,
  ),
)
/** What the process reads of the environment: no credentials. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'LD_LIBRARY_PATH', 'NODE_OPTIONS']

/**
 * Compiles a Keras file to ONNX in a process of its own, with bounds on its time and memory. All it
 * writes lies in a directory beside the target until it ends, however it does; should this process be
 * killed, until the same target is compiled again. Throws FORMAT_UNSUPPORTED or
 * MODEL_UNLOADABLE when the file is at fault, DISK_FULL, ENGINE_CRASHED when the process did not
 * start, hardly got a core, or another one ended it, and the signal's reason on abort.
 */
export async function compileKerasFile(
  source: string,
  target: string,
  signal: AbortSignal,
): Promise<CompiledModel> {
  const { size } = await stat(source)
  await sweep(target)
  // The system's temporary files may have no place at all, where the disk is read-only.
  const scratch = await mkdtemp(`${target}${SCRATCH}${ownedPrefix()}`)
  try {
    signal.throwIfAborted()
    const made = path.join(scratch, path.basename(target))
    const compiled = await compiledBy({ source, size, target: made, scratch, signal })
    // Large weights, in a file whose name is longer, come first: a model is never there without.
    const names = (await readdir(scratch)).sort((a, b) => b.length - a.length)
    const dir = path.dirname(target)
    for (const name of names) await rename(path.join(scratch, name), path.join(dir, name))
    return compiled
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Removes what processes left that were killed while they compiled this target. */
async function sweep(target: string): Promise<void> {
  const dir = path.dirname(target)
  const prefix = path.basename(target) + SCRATCH
  for (const name of await readdir(dir)) {
    if (!name.startsWith(prefix) || !isAbandoned(name.slice(prefix.length))) continue
    await removeTree(path.join(dir, name))
  }
}

interface Compilation {
  readonly source: string
  /** Of the source. */
  readonly size: number
  readonly target: string
  /** A directory of the process alone, for all that it writes. */
  readonly scratch: string
  readonly signal: AbortSignal
}

/** The process is gone when this settles. */
async function compiledBy(compilation: Compilation): Promise<CompiledModel> {
  const { source, size, target, scratch, signal } = compilation
  const said = deferred<unknown>()
  const timeoutMs = Math.round(TIMEOUT_MS + (size / 1e6) * TIMEOUT_MS_PER_MB)
  // In CPU time, which its helper threads share, twice the deadline comes after the deadline.
  const { command, args } = nodeBoundToParent(V8_FLAGS, (2 * timeoutMs) / 1000)
  const compiler = fork(COMPILER, [source, target], {
    execPath: command,
    execArgv: args,
    env: { ...environment(), TMPDIR: scratch },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  // Loaded while the compiler starts, which takes longer.
  const protocol = import('../wire/compile-protocol.ts')
  const fail = (sentence: string) => said.reject(new CutoverError('MODEL_UNLOADABLE', sentence))
  let elapsedMs = 0
  // While the machine is halted it does not run, and no time passes.
  const timer = setInterval(() => {
    elapsedMs += timeoutMs / LOOKS
    const lateness = latenessOf(elapsedMs, cpuTimeMs(compiler.pid ?? -1), timeoutMs)
    const sentence = `it did not compile in ${Math.round(elapsedMs)} ms`
    if (lateness === 'too slow') fail(sentence)
    if (lateness === 'starved') said.reject(starved(sentence))
  }, timeoutMs / LOOKS)
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
  const ended = endOf(compiler)
  void ended.then(said.reject)
  try {
    const message = await said.promise
    const { parseCompilerMessage } = await protocol
    const answer = parseCompilerMessage(message)
    if (answer.kind === 'compiled') return answer
    throw new CutoverError(answer.code, answer.message)
  } finally {
    clearInterval(timer)
    memory.stop()
    signal.removeEventListener('abort', onAbort)
    endAtOnce(compiler)
    await ended
  }
}

/** Resolves when the process is gone, with what that says of the file if it was not answered. */
function endOf(compiler: ChildProcess): Promise<CutoverError> {
  const ended = deferred<CutoverError>()
  compiler.on('error', (error) => ended.resolve(notStarted(messageOf(error))))
  compiler.once('exit', (code, killedBy) => ended.resolve(endingOf(code, killedBy)))
  return ended.promise
}

function endingOf(code: number | null, killedBy: NodeJS.Signals | null): CutoverError {
  if (SHELL_CODES.has(code)) return notStarted(`its shell exited with code ${code}`)
  const how = killedBy === null ? `it exited with code ${code}` : `it was ended by ${killedBy}`
  const blamed = isFromOutside(killedBy) ? 'ENGINE_CRASHED' : 'MODEL_UNLOADABLE'
  return new CutoverError(blamed, `the compiler did not survive it: ${how}`)
}

function starved(sentence: string): CutoverError {
  return new CutoverError('ENGINE_CRASHED', `${sentence}, in which the compiler hardly ran`)
}

function notStarted(how: string): CutoverError {
  return new CutoverError('ENGINE_CRASHED', `the compiler did not start: ${how}`)
}

function environment(): NodeJS.ProcessEnv {
  const kept = ENVIRONMENT.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined))
}
