import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { SetupError } from './report.mjs'

/**
 * Runs a command to its end; what it prints on standard error is shown. Throws SetupError when it
 * is missing, fails or takes too long.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ timeoutMs: number, missing: string }} options
 */
export async function run(command, args, { timeoutMs, missing }) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  try {
    const [code, signal] = await once(child, 'close')
    if (code === 0) return
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
    throw new SetupError(`${command} ${args[0] === '-m' ? args[1] : ''} ${how}; see above`)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT')
      throw new SetupError(missing)
    throw error
  }
}
