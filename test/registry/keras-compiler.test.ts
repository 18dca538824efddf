import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test, vi } from 'vitest'

import { endlessH5 } from '../support/endless-h5.ts'
import { temporaryDirectory } from '../support/registry.ts'

const BIN = fileURLToPath(new URL('../../bin/cutover.js', import.meta.url))
const STARTING = { timeout: 20_000, interval: 50 }
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
