import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError } from '../domain/errors.ts'
import { isAbsent, systemCode } from '../lib/system-error.ts'

const CHUNK_BYTES = 256 * 1024

/** Where the bytes of one version come from. */
export interface FileStore {
  /**
   * The bytes of the file at a path of the version, in order; a chunk is valid until the next one
   * is asked for. Throws VERSION_INCOMPLETE when there is no such file, VERSION_CORRUPT when it is
   * anything but a file, the signal's reason when that aborts.
   */
  open(file: string, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** The files below a directory. Links are refused wherever they lead: a version holds its bytes. */
export function folderStore(dir: string): FileStore {
  return {
    async *open(file, signal) {
      const handle = await openFile(dir, file)
      try {
        if (!(await handle.stat()).isFile()) throw notAFile(file)
        const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
        for (;;) {
          signal.throwIfAborted()
          const { bytesRead } = await handle.read(buffer)
          if (bytesRead === 0) return
          yield buffer.subarray(0, bytesRead)
        }
      } finally {
        await handle.close()
      }
    },
  }
}

async function openFile(dir: string, file: string) {
  try {
    const full = path.join(await realpath(dir), file)
    // O_NOFOLLOW looks at the last part of a path alone.
    if ((await realpath(path.dirname(full))) !== path.dirname(full)) throw notAFile(file)
    // O_NONBLOCK, or opening a named pipe waits for a writer.
    return await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (isAbsent(error)) throw new CutoverError('VERSION_INCOMPLETE', `${file} is missing`)
    // A link, and a socket.
    if (['ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) throw notAFile(file)
    throw error
  }
}

function notAFile(file: string): CutoverError {
  return new CutoverError(
    'VERSION_CORRUPT',
    `${file} is a link or no regular file: a version must hold the file itself`,
  )
}
