import type { ChildProcess } from 'node:child_process'
import path from 'node:path'

import { spawnOwned, stop, until } from '../lib/child.ts'
import { freePort, isReady } from '../lib/cutover-server.ts'
import { FLASK_DIR, type FlaskSetup } from './setup.ts'

const WORKERS = 2
const READY_TIMEOUT_MS = 120_000
const STOP_GRACE_MS = 10_000

/** The original service: gunicorn with two workers, each with its own copy of the model. */
export class FlaskService {
  readonly port: number
  readonly pid: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
    this.pid = child.pid ?? -1
  }

  static async start({ bin, modelFile }: FlaskSetup, workDir: string): Promise<FlaskService> {
    const port = await freePort()
    const logFile = path.join(workDir, 'flask.log')
    const args = ['--workers', String(WORKERS), '--bind', `127.0.0.1:${port}`, '--timeout', '120']
    const child = spawnOwned(path.join(bin, 'gunicorn'), [...args, 'app:app'], {
      cwd: FLASK_DIR,
      env: { FLASK_MODEL: modelFile, PYTHONDONTWRITEBYTECODE: '1' },
      logFile,
    })
    await until(() => isReady(port), 'the Flask service is not ready', {
      child,
      logFile,
      timeoutMs: READY_TIMEOUT_MS,
    })
    return new FlaskService(child, port)
  }

  stop(): Promise<void> {
    return stop(this.#child, STOP_GRACE_MS)
  }
}
