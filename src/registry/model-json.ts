import { open } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { describeBytes } from '../lib/describe-bytes.ts'

const MODEL_JSON_BYTES_MAX = 64 * 1024 ** 2

/** Reads a TensorFlow.js model's `model.json`. Throws FORMAT_UNSUPPORTED when it cannot be one. */
export async function readModelJson(file: string): Promise<unknown> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    if (size > MODEL_JSON_BYTES_MAX) {
      throw new Error(`it is larger than ${describeBytes(MODEL_JSON_BYTES_MAX)}`)
    }
    return JSON.parse(await handle.readFile('utf8'))
  } catch (error) {
    throw new CutoverError(
      'FORMAT_UNSUPPORTED',
      `${path.basename(file)} is no TensorFlow.js model: ${messageOf(error)}`,
      { cause: error },
    )
  } finally {
    await handle.close()
  }
}
