import { Buffer } from 'node:buffer'
import { readSync } from 'node:fs'

const IDLE_BYTES_MAX = 32 * 1024 ** 2

/** A body that was read out of memory that is shared with the server. */
export class SharedBody {
  readonly memory: Buffer
  readonly #bytes: number

  constructor(memory: Buffer, bytes: number) {
    this.memory = memory
    this.#bytes = bytes
  }

  /** A view; throws beyond the body. */
  part(offset: number, bytes: number): Buffer {
    if (offset + bytes > this.#bytes) throw new RangeError('a part beyond the shared memory')
    return this.memory.subarray(offset, offset + bytes)
  }
}

/** Reads bodies into memory that is used again: a page that is new costs more than its copy. */
export class SharedBodies {
  readonly #fd: number
  readonly #idle: Buffer[] = []
  #idleBytes = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  read({ at, bytes }: { readonly at: number; readonly bytes: number }): SharedBody {
    const fitting = this.#idle.findIndex(({ length }) => length >= bytes)
    const [idle] = fitting < 0 ? [] : this.#idle.splice(fitting, 1)
    this.#idleBytes -= idle?.length ?? 0
    const memory = idle ?? Buffer.allocUnsafeSlow(bytes)
    if (readSync(this.#fd, memory, 0, bytes, at) !== bytes) {
      throw new RangeError('the shared memory ends early')
    }
    return new SharedBody(memory, bytes)
  }

  /** Nobody reads the body any more. */
  giveBack({ memory }: SharedBody): void {
    this.#idle.push(memory)
    this.#idleBytes += memory.length
    while (this.#idleBytes > IDLE_BYTES_MAX) this.#idleBytes -= this.#idle.shift()?.length ?? 0
  }
}
