import { Buffer } from 'node:buffer'

import { CutoverError } from '../../domain/errors.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { Byte } from '../json/bytes.ts'
import { elementsOf, membersOf } from '../json/members.ts'
import type { JsonReader } from '../json/reader.ts'
import { SliceCounter } from '../slice-counter.ts'
import { readBase64 } from './base64-strings.ts'
import { readEnvelope } from './envelope.ts'
import type { Example, Feature } from './example.ts'

const SLICE_VALUES = 8192
/** Each value is written into a message by itself: tensors of millions belong to `:predict`. */
const VALUES_MAX = 250_000
const INT64_MAX = 2n ** 63n - 1n

export interface ExamplesRequest {
  readonly signature: string | undefined
  /** At least one; each has the features of the context, too. */
  readonly examples: readonly Example[]
}

/** Reads the body of a `:classify` or `:regress`. Throws REQUEST_INVALID or TENSOR_INVALID. */
export function* readExamplesRequest(body: Buffer): Sliced<ExamplesRequest> {
  const { reader, at, signature } = yield* readEnvelope(body)
  if (at.examples === undefined) throw invalid("the request must have 'examples'")
  const budget = { values: VALUES_MAX }
  let context: Example = new Map()
  if (at.context !== undefined) {
    reader.at = at.context
    context = yield* readExample(reader, 'context', budget)
  }
  // An example has the context's features, too, and costs something even without any.
  const eachValues = VALUES_MAX - budget.values + 1
  reader.at = at.examples
  if (reader.peek() !== Byte.ArrayOpen) throw invalid("'examples' must be an array")
  const examples: Example[] = []
  const slices = new SliceCounter(SLICE_VALUES)
  for (const index of elementsOf(reader)) {
    const before = budget.values
    spend(budget, eachValues)
    const own = yield* readExample(reader, `examples[${index}]`, budget)
    examples.push(new Map([...context, ...own]))
    // A few bytes are much work where the context is large.
    if (slices.isDueAfter(before - budget.values) || reader.isDue()) yield
  }
  if (examples.length === 0) throw invalid("'examples' is empty")
  return { signature, examples }
}

/** How many more values a request may have. A feature without any costs as much as one. */
interface Budget {
  values: number
}

function spend(budget: Budget, values: number): void {
  budget.values -= values
  if (budget.values < 0) throw invalid(`the examples hold more than ${VALUES_MAX} values in all`)
}

function* readExample(reader: JsonReader, label: string, budget: Budget): Sliced<Example> {
  if (reader.peek() !== Byte.ObjectOpen) throw invalid(`${label} must be an object of features`)
  const example = new Map<string, Feature>()
  for (const name of membersOf(reader)) {
    if (reader.isDue()) yield
    example.set(name, yield* readFeature(reader, `feature ${name} of ${label}`, budget))
  }
  return example
}

function* readFeature(reader: JsonReader, label: string, budget: Budget): Sliced<Feature> {
  const values: Value[] = []
  spend(budget, 1)
  if (reader.peek() === Byte.ArrayOpen) {
    for (const index of elementsOf(reader)) {
      if (index > 0) spend(budget, 1)
      values.push(readValue(reader, label))
      if (reader.isDue()) yield
    }
  } else {
    values.push(readValue(reader, label))
  }
  const bytes = values.filter((value) => value instanceof Uint8Array)
  const floats = values.filter((value) => typeof value === 'number')
  const integers = values.filter((value) => typeof value === 'bigint')
  if (bytes.length > 0 && bytes.length === values.length) return { kind: 'bytes', values: bytes }
  if (integers.length === values.length) return { kind: 'integers', values: integers }
  if (floats.length === values.length) return { kind: 'floats', values: floats }
  throw invalid(`${label} mixes integers, floats (1.0) and strings`)
}

type Value = Buffer | number | bigint

function readValue(reader: JsonReader, label: string): Value {
  const first = reader.peek()
  if (first === Byte.Quote) return Buffer.from(reader.string())
  if (first === Byte.ObjectOpen) return readBase64(reader, label)
  if (first === Byte.ArrayOpen) throw invalid(`${label} is a list of lists`)
  if (reader.atNumberWord()) return reader.numberWord()
  if (reader.atNumber()) {
    const value = reader.number()
    if (!reader.isInteger) return value
    const integer = Number.isSafeInteger(value) ? BigInt(value) : reader.integer()
    if (integer === undefined || integer > INT64_MAX || integer < -INT64_MAX - 1n) {
      throw invalid(`${label} holds an integer out of the range of int64`)
    }
    return integer
  }
  const word = reader.word()
  if (word === 'null') throw invalid(`${label} holds null`)
  return word === 'true' ? 1n : 0n
}

function invalid(sentence: string): CutoverError {
  return new CutoverError('REQUEST_INVALID', sentence)
}
