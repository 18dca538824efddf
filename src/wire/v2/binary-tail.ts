import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'

/** What follows the JSON of a request: the binary data of its inputs, one after the other. */
export class BinaryTail {
  readonly #bytes: Buffer
  #taken = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** A view of the next part; throws REQUEST_INVALID when there is less. */
  take(bytes: number, label: string): Buffer {
    const left = this.#bytes.length - this.#taken
    if (bytes > left) {
      throw new CutoverError(
        'REQUEST_INVALID',
        `${label} has binary_data_size ${bytes}, but ${left} bytes of binary data are left; ` +
          'Inference-Header-Content-Length says where they begin',
      )
    }
    const part = this.#bytes.subarray(this.#taken, this.#taken + bytes)
    this.#taken += bytes
    return part
  }

  /** Throws REQUEST_INVALID when no input claims the rest. */
  expectEnd(): void {
    const left = this.#bytes.length - this.#taken
    if (left > 0) {
      throw new CutoverError('REQUEST_INVALID', `${left} bytes of binary data belong to no input`)
    }
  }
}
