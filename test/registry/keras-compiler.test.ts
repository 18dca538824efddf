import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { openCacheDir } from '../../src/registry/cache-dir.ts'
import { compiledModel } from '../../src/registry/compiled-cache.ts'
import { compileKerasFile } from '../../src/registry/keras-compiler.ts'
import { smallArchive } from '../keras/small-archive.ts'
import { endlessH5 } from '../support/endless-h5.ts'
import { temporaryDirectory } from '../support/registry.ts'

const BIN = fileURLToPath(new URL('../../bin/cutover.js', import.meta.url))
const SERVER = fileURLToPath(new URL('./compiling.mts', import.meta.url))
const STARTING = { timeout: 90_000, interval: 50 }
const ENDING = { timeout: 90_000, interval: 250 }

test.each([
  ['at once where there is setpriv', process.env['PATH']],
  ['in bounded time where there is not', '/nonexistent'],
])(
  'a compiler that loops ends when its parent is killed, %s',
  async (_, PATH) => {
    const dir = temporaryDirectory()
    const model = await endlessH5(dir)
    const output = path.join(dir, 'model.onnx')
    const parent = spawn(process.execPath, [BIN, 'compile', model, '-o', output], {
      env: { ...process.env, PATH },
      stdio: 'ignore',
    })
    try {
      const compiler = await vi.waitUntil(() => busyChildOf(parent.pid ?? -1), STARTING)
      parent.kill('SIGKILL')
      await vi.waitUntil(() => !isAlive(compiler), ENDING)
      await vi.waitUntil(() => parent.signalCode !== null, ENDING)
      expect(parent.signalCode).toBe('SIGKILL')
    } finally {
      parent.kill('SIGKILL')
    }
  },
  120_000,
)

describe('a compilation that fails', () => {
  let model: string
  let out: string
  let parent: string
  beforeEach(async () => {
    model = await endlessH5(temporaryDirectory())
    out = temporaryDirectory()
    parent = temporaryDirectory()
  })

  function compiling(signal = new AbortController().signal): Promise<string> {
    const request = { source: model, sha256: 'ff', to: out, bytesMax: 1e9, signal }
    return compiledModel(parent, request)
  }

  /** What a compilation fails with once `end` was called, while its compiler was busy. */
  async function endedBy(end: (compiler: number) => void, signal?: AbortSignal): Promise<unknown> {
    const failure = compiling(signal).catch((error: unknown) => error)
    end(await vi.waitUntil(() => busyChildOf(process.pid), STARTING))
    return failure
  }

  test.each(['SIGKILL', 'SIGSEGV'] as const)(
    'by %s from elsewhere leaves nothing, and says who is to blame',
    async (killedBy) => {
      const failure = await endedBy((compiler) => {
        expect(filesBelow(parent).join()).toMatch(/scratch-[^/]+\/cutover-keras-\w{6}/)
        process.kill(compiler, killedBy)
      })
      const code = killedBy === 'SIGKILL' ? 'ENGINE_CRASHED' : 'MODEL_UNLOADABLE'
      expect(failure).toMatchObject({ code, message: expect.stringContaining(killedBy) })
      expect(filesBelow(parent)).toEqual(['compiled'])
    },
  )

  test('because nobody wants it any more leaves nothing', async () => {
    const controller = new AbortController()
    const failure = await endedBy(() => controller.abort(new Error('gone')), controller.signal)
    expect(failure).toMatchObject({ message: 'gone' })
    expect(filesBelow(parent)).toEqual(['compiled'])
  })

  test('because it takes too long leaves nothing, and is the fault of the file', async () => {
    const refused = { code: 'MODEL_UNLOADABLE', message: expect.stringContaining('compile in') }
    await expect(compiling()).rejects.toMatchObject(refused)
    expect(filesBelow(parent)).toEqual(['compiled'])
  })

  test('with its server is cleared away by the next one', async () => {
    const server = spawn(process.execPath, ['--import', 'tsx', SERVER, model, out, parent], {
      stdio: 'inherit',
    })
    try {
      const compiler = await vi.waitUntil(() => busyChildOf(server.pid ?? -1), STARTING)
      const exit = once(server, 'exit')
      server.kill('SIGKILL')
      await exit
      await vi.waitUntil(() => !isAlive(compiler), ENDING)
      expect(filesBelow(parent).length).toBeGreaterThan(1)
      await (await openCacheDir(parent)).close()
      expect(filesBelow(parent)).toEqual(['compiled'])
    } finally {
      server.kill('SIGKILL')
    }
  })
})

describe('a compiler', () => {
  const { execPath } = process
  afterEach(() => {
    process.execPath = execPath
    vi.unstubAllEnvs()
  })

  test('needs no place for temporary files', async () => {
    const dir = temporaryDirectory()
    const model = await smallArchive(dir)
    const before = readdirSync(dir)
    vi.stubEnv('TMPDIR', '/nonexistent')
    await compileKerasFile(model, path.join(dir, 'model.onnx'), new AbortController().signal)
    expect(readdirSync(dir).sort()).toEqual([...before, 'model.onnx'].sort())
  })

  test('that does not start says nothing of the file', async () => {
    const dir = temporaryDirectory()
    const model = await smallArchive(dir)
    const before = readdirSync(dir)
    process.execPath = '/nonexistent/node'
    const compiling = compileKerasFile(
      model,
      path.join(dir, 'model.onnx'),
      new AbortController().signal,
    )
    await expect(compiling).rejects.toMatchObject({
      code: 'ENGINE_CRASHED',
      message: expect.stringContaining('did not start'),
    })
    expect(readdirSync(dir)).toEqual(before)
  })
})

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
}

/** The child that has computed for more than a second; undefined: none has. */
function busyChildOf(pid: number): number | undefined {
  const children = readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean)
  return children.map(Number).find((child) => cpuTicksOf(child) > 100)
}

function isAlive(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(readText(`/proc/${pid}/status`))
}

/** In user mode; proc_pid_stat(5), the 14th field. */
function cpuTicksOf(pid: number): number {
  return Number(readText(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[11] ?? 0)
}

/** '' when the process is gone. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
