import { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import { BytesPacker } from '../../domain/tensor-strings.ts'
import { Byte } from '../json/bytes.ts'
import { type ElementSink, type JsonDType, sinkFor } from '../json/elements.ts'
import { membersOf } from '../json/members.ts'
import type { JsonReader } from '../json/reader.ts'

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** The protocol's elements: those of JSON, and of a string tensor also `{"b64": "…"}`. */
export function sinkOf(dtype: JsonDType, label: string): ElementSink {
  return dtype === 'string' ? new BytesSink(label) : sinkFor(dtype, label, 0)
}

class BytesSink implements ElementSink {
  readonly #label: string
  readonly #elements = new BytesPacker()

  constructor(label: string) {
    this.#label = label
  }

  read(reader: JsonReader, index: number): void {
    const first = reader.peek()
    if (first === Byte.Quote) this.#elements.pushText(reader.string())
    else if (first === Byte.ObjectOpen) this.#elements.push(readBase64(reader, this.#label))
    else throw this.wrong(index, 'neither a string nor {"b64": …}')
  }

  data(): Uint8Array {
    return this.#elements.data()
  }

  wrong(index: number, what: string): CutoverError {
    return new CutoverError('TENSOR_INVALID', `${this.#label}: element ${index} is ${what}`)
  }
}

/** The bytes of `{"b64": "…"}`. */
export function readBase64(reader: JsonReader, label: string): Buffer {
  let bytes: Buffer | undefined
  for (const key of membersOf(reader)) {
    if (key !== 'b64' || bytes !== undefined || reader.peek() !== Byte.Quote) throw notBase64(label)
    const text = reader.string()
    if (!isBase64(text)) throw notBase64(label)
    bytes = Buffer.from(text, 'base64')
  }
  if (bytes === undefined) throw notBase64(label)
  return bytes
}

/** Whether the value that is next is an object whose first key is `b64`; nothing is passed. */
export function atBase64(reader: JsonReader): boolean {
  if (reader.peek() !== Byte.ObjectOpen) return false
  const start = reader.at
  const [first] = membersOf(reader)
  reader.at = start
  return first === 'b64'
}

/** With or without its padding. No number of bytes has one digit left over. */
function isBase64(text: string): boolean {
  const padding = text.indexOf('=')
  const digits = padding < 0 ? text.length : padding
  return BASE64.test(text) && digits % 4 !== 1 && (padding < 0 || text.length % 4 === 0)
}

function notBase64(label: string): CutoverError {
  return new CutoverError(
    'TENSOR_INVALID',
    `${label}: an object in place of a string must be {"b64": "…"}, in base64`,
  )
}
