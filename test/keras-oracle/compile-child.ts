import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../bin/cutover.js', import.meta.url))
/**
 * Every Node process of the command adds a line to `file` as it ends. Linux: getrusage(2) would
 * count what the process held that it was forked from.
 */
function reporting(file: string): string {
  const program = `
    import { appendFileSync, existsSync, readFileSync } from 'node:fs'
    process.on('exit', () => {
      if (!existsSync('/proc/self/status')) return
      const status = readFileSync('/proc/self/status', 'utf8')
      const memoryBytes = Number(/VmHWM:\\s+(\\d+)/.exec(status)[1]) * 1024
      const { user, system } = process.cpuUsage()
      const usage = { memoryBytes, cpuSeconds: (user + system) / 1e6 }
      appendFileSync(${JSON.stringify(file)}, JSON.stringify(usage) + '\\n')
    })`
  return `--import=data:text/javascript,${encodeURIComponent(program)}`
}

export interface Compilation {
  /** Undefined: it was killed, by the deadline or by a crash. */
  readonly exitCode: number | undefined
  readonly stderr: string
  readonly seconds: number
  /** The most resident memory, of all its processes together; NaN after a crash. */
  readonly memoryBytes: number
  /** Of the one of its processes that took most: the one that compiles. */
  readonly compilerMemoryBytes: number
  readonly cpuSeconds: number
}

/** `cutover compile`, in a process as a user starts it, killed after `timeoutMs`. */
export async function compileInChild(
  file: string,
  output: string,
  timeoutMs: number,
): Promise<Compilation> {
  const dir = mkdtempSync(path.join(tmpdir(), 'cutover-compile-'))
  const report = path.join(dir, 'memory')
  const startedAt = performance.now()
  try {
    const child = spawn(process.execPath, [CLI, 'compile', file, '-o', output], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        NODE_OPTIONS: reporting(report),
        CUTOVER_CACHE_DIR: path.join(dir, 'cache'),
      },
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    clearTimeout(deadline)
    const seconds = (performance.now() - startedAt) / 1000
    return { exitCode: exitCode ?? undefined, stderr, seconds, ...reported(report) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function reported(file: string): Omit<Compilation, 'exitCode' | 'stderr' | 'seconds'> {
  const usages = linesOf(file).map(
    (line) => JSON.parse(line) as { memoryBytes: number; cpuSeconds: number },
  )
  const memory = usages.map(({ memoryBytes }) => memoryBytes)
  const sum = (values: readonly number[]): number =>
    values.length === 0 ? Number.NaN : values.reduce((total, value) => total + value, 0)
  return {
    memoryBytes: sum(memory),
    compilerMemoryBytes: Math.max(...memory),
    cpuSeconds: sum(usages.map(({ cpuSeconds }) => cpuSeconds)),
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n')
  } catch {
    return []
  }
}
