import { Buffer } from 'node:buffer'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { SetupError } from './report.mjs'

const OUTPUT_BYTES_MAX = 1024 ** 2

/**
 * Runs a command to its end. Throws SetupError when it is missing, fails or takes too long.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{
 *   timeoutMs: number
 *   missing: string
 *   failed: string
 *   signal: AbortSignal
 *   output: 'all' | 'errors' | 'on-failure'
 *   env?: NodeJS.ProcessEnv
 * }} options `missing` and `failed` are the sentences for these ends; `output` is what is shown of
 *   what the command prints: all of it, standard error, or that once it has failed
 */
export async function run(command, args, { timeoutMs, missing, failed, signal, output, env }) {
  const child = spawn(command, args, {
    stdio: ['ignore', output === 'all' ? 2 : 'ignore', output === 'on-failure' ? 'pipe' : 2],
    env: env ?? process.env,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    signal,
  })
  /** @type {Buffer[]} */
  const printed = []
  let bytes = 0
  child.stderr?.on('data', (chunk) => {
    bytes += chunk.length
    if (bytes <= OUTPUT_BYTES_MAX) printed.push(chunk)
  })
  try {
    const [code, signalName] = await once(child, 'close')
    if (code === 0) return
    process.stderr.write(Buffer.concat(printed))
    throw new SetupError(signalName === null ? failed : `${failed} (ended by ${signalName})`)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') {
      throw new SetupError(missing)
    }
    throw error
  }
}
