import { Buffer } from 'node:buffer'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { expect, test } from 'vitest'

import { readArray } from '../../../src/wire/json/array.ts'
import { type ElementSink, sinkFor } from '../../../src/wire/json/elements.ts'
import { JsonReader } from '../../../src/wire/json/reader.ts'
import { writeElements } from '../../../src/wire/json/write-elements.ts'
import { sinkOf } from '../../../src/wire/tensorflow-serving/base64-strings.ts'
import { writePredictResponse } from '../../../src/wire/tensorflow-serving/predict-response.ts'

const COUNT = 500_000
/** A Buffer of its own would take each element 200 bytes. */
const BYTES_PER_ELEMENT_MAX = 40

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is held, the memory of Buffers left out: half of a growing one may be without use. */
function heldBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** The most that the work holds at any of its pauses. */
function peakOf(work: Generator<void, unknown, void>): number {
  const before = heldBytes()
  let peak = 0
  for (let pauses = 0; work.next().done !== true; pauses++) {
    if (pauses % 10 === 0) peak = Math.max(peak, heldBytes() - before)
  }
  return peak
}

const body = Buffer.from(`[${Array(COUNT).fill('""').join(',')}]`)

test.each<[string, ElementSink]>([
  ['the Open Inference Protocol', sinkFor('string', 'input x', COUNT)],
  ['TensorFlow Serving', sinkOf('string', 'input x')],
])('strings that %s reads are no objects each', (_whose, sink) => {
  const before = heldBytes()
  expect(peakOf(readArray(new JsonReader(body), sink, COUNT))).toBeLessThan(
    COUNT * BYTES_PER_ELEMENT_MAX,
  )
  expect(heldBytes() - before).toBeLessThan(COUNT * BYTES_PER_ELEMENT_MAX)
  expect(sink.data()).toHaveLength(4 * COUNT)
})

test('strings that are written are so a slice at a time', () => {
  const tensor = { dtype: 'string', shape: [COUNT], data: Buffer.alloc(4 * COUNT) } as const
  const byName = new Map([['y', tensor]])
  const bytesByName = new Map([['y_bytes', tensor]])
  for (const work of [
    writeElements(tensor, 'output y', []),
    writePredictResponse('column', byName),
    writePredictResponse('column', bytesByName),
  ]) {
    expect(peakOf(work)).toBeLessThan(COUNT * BYTES_PER_ELEMENT_MAX)
  }
})
