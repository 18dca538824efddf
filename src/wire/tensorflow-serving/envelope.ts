import type { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from '../json/bytes.ts'
import { expectKind } from '../json/expect-kind.ts'
import { membersOf } from '../json/members.ts'
import { JsonReader } from '../json/reader.ts'
import { skipValue } from '../json/skip.ts'

const PARTS = ['instances', 'inputs', 'examples', 'context'] as const
type Part = (typeof PARTS)[number]

export interface Envelope {
  readonly reader: JsonReader
  readonly signature: string | undefined
  /** Where the value of each key begins: what it is may be told only after it. */
  readonly at: Readonly<Partial<Record<Part, number>>>
}

/** The outermost object of a request. Throws REQUEST_INVALID for any other, and for malformed JSON. */
export function* readEnvelope(body: Buffer): Sliced<Envelope> {
  const reader = new JsonReader(body)
  const at: Partial<Record<Part, number>> = {}
  let signature: string | undefined
  expectKind(reader, Byte.ObjectOpen, 'the request must be a JSON object')
  for (const key of membersOf(reader)) {
    if (reader.isDue()) yield
    reader.peek()
    if (key === 'signature_name') {
      expectKind(reader, Byte.Quote, "'signature_name' must be a string")
      signature = reader.string()
      continue
    }
    const part = PARTS.find((each) => each === key)
    if (part !== undefined) {
      if (at[part] !== undefined) {
        throw new CutoverError('REQUEST_INVALID', `the request has '${part}' twice`)
      }
      at[part] = reader.at
    }
    yield* skipValue(reader)
  }
  reader.expectEnd()
  return { reader, signature: signature === '' ? undefined : signature, at }
}
