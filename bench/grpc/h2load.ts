import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { INFER_PATH } from './protocol.ts'
import { tinyRequest } from './tiny-request.ts'

const run = promisify(execFile)
const GRACE_MS = 30_000

export interface H2load {
  /** Of calls that were answered with 200; what gRPC said of them it does not look at. */
  measure(
    port: number,
    calls: number,
    seconds: number,
  ): Promise<{ perSecond: number; failed: number }>
}

/**
 * The load generator of nghttp2 (Debian: nghttp2-client), in C: a client in Node.js costs more than
 * the server, with which it shares the cores. Undefined where it is not installed.
 */
export async function findH2load(workDir: string, cores: string): Promise<H2load | undefined> {
  try {
    await run('h2load', ['--version'])
  } catch {
    return undefined
  }
  const body = path.join(workDir, 'tiny-request')
  writeFileSync(body, tinyRequest())
  return {
    async measure(port, calls, seconds) {
      const headers = ['content-type: application/grpc', 'te: trailers'].flatMap((h) => ['-H', h])
      const length = ['-D', `${Math.round(seconds * 1000)}ms`, '--warm-up-time=1']
      const url = `http://127.0.0.1:${port}${INFER_PATH}`
      const { stdout } = await run(
        'taskset',
        ['--cpu-list', cores, 'h2load', '-c', '1', '-m', String(calls)].concat(length, headers, [
          '-d',
          body,
          url,
        ]),
        { timeout: seconds * 1000 + GRACE_MS },
      )
      return {
        perSecond: numberIn(stdout, /finished in .*?, ([\d.]+) req\/s/),
        failed: numberIn(stdout, /, (\d+) failed,/) + numberIn(stdout, /, (\d+) errored,/),
      }
    },
  }
}

function numberIn(text: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(text) ?? []
  if (digits === undefined) throw new Error(`h2load said what is not understood: ${text}`)
  return Number(digits)
}
