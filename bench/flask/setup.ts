import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { hasExited, spawnOwned, until } from '../lib/child.ts'
import { MODEL_FILE } from '../lib/registry.ts'

export const FLASK_DIR = fileURLToPath(new URL('.', import.meta.url))
const INSTALL_TIMEOUT_MS = 15 * 60_000
const STEP_TIMEOUT_MS = 3 * 60_000

export interface FlaskSetup {
  /** The directory of the virtual environment's programs. */
  readonly bin: string
  readonly modelFile: string
}

/**
 * The Flask service's own Python environment and its model, in the user's cache. Each is made
 * once and again when what it is made from changes.
 */
export async function setUpFlask(
  flaskModel: string | undefined,
  progress: (what: string) => void,
): Promise<FlaskSetup> {
  const cache = process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache')
  const dir = path.join(cache, 'cutover', 'bench-flask')
  const bin = path.join(dir, 'bin')
  mkdirSync(dir, { recursive: true })

  const requirements = path.join(FLASK_DIR, 'requirements.txt')
  await once(path.join(dir, 'requirements.sha256'), [requirements], async (logFile) => {
    progress('installing Flask, gunicorn and TensorFlow (a minute and 2 GB, the first time)')
    await run('python3', ['-m', 'venv', dir], logFile, STEP_TIMEOUT_MS)
    const install = ['install', '--no-cache-dir', '--requirement', requirements]
    await run(path.join(bin, 'pip'), install, logFile, INSTALL_TIMEOUT_MS)
  })
  if (flaskModel !== undefined) return { bin, modelFile: path.resolve(flaskModel) }

  const modelFile = path.join(dir, 'model.h5')
  const script = path.join(FLASK_DIR, 'make_model.py')
  await once(path.join(dir, 'model.sha256'), [script, MODEL_FILE], async (logFile) => {
    progress('rebuilding the model for Keras')
    await run(path.join(bin, 'python'), [script, MODEL_FILE, modelFile], logFile, STEP_TIMEOUT_MS)
  })
  return { bin, modelFile }
}

/** Calls `make` unless `stamp` says that it has succeeded with the same `inputs`. */
async function once(
  stamp: string,
  inputs: readonly string[],
  make: (logFile: string) => Promise<void>,
): Promise<void> {
  const hash = createHash('sha256')
  for (const input of inputs) hash.update(readFileSync(input))
  const digest = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  await make(`${stamp}.log`)
  writeFileSync(stamp, digest)
}

async function run(
  command: string,
  args: readonly string[],
  logFile: string,
  timeoutMs: number,
): Promise<void> {
  const child = spawnOwned(command, args, { cwd: FLASK_DIR, logFile })
  const spawned = new Promise<void>((_, reject) => child.once('error', reject))
  const ended = until(() => Promise.resolve(hasExited(child)), `${command} ${args[0]}`, {
    child,
    logFile,
    timeoutMs,
  })
  await Promise.race([ended, spawned])
  if (child.exitCode !== 0) {
    throw new Error(`${command} failed:\n${readFileSync(logFile, 'utf8').slice(-4000)}`)
  }
}
