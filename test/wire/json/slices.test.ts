import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import type { Signatures } from '../../../src/domain/signature.ts'
import { readArray } from '../../../src/wire/json/array.ts'
import { sinkFor } from '../../../src/wire/json/elements.ts'
import { JsonReader } from '../../../src/wire/json/reader.ts'
import { skipValue } from '../../../src/wire/json/skip.ts'
import { readExamplesRequest } from '../../../src/wire/tensorflow-serving/examples-request.ts'
import { readPredictRequest } from '../../../src/wire/tensorflow-serving/predict-request.ts'
import { readInferRequest } from '../../../src/wire/v2/infer-request.ts'
import { pausesOf } from '../../support/pauses.ts'

const SLICE_BYTES = 64 * 1024

const MODEL: Signatures = {
  signature: { inputs: [{ name: 'x', dtype: 'float32', shape: null }], outputs: [] },
}

const array = (text: string) => () =>
  readArray(new JsonReader(Buffer.from(text)), sinkFor('float32', 'input x', 0), Infinity)
const skip = (text: string) => () => skipValue(new JsonReader(Buffer.from(text)))
const predict = (text: string) => () => readPredictRequest(Buffer.from(text), MODEL)
const examples = (text: string) => () => readExamplesRequest(Buffer.from(text))
const infer = (text: string) => () => readInferRequest(Buffer.from(text), text.length)

const list = (count: number, each: string) => `[${Array(count).fill(each).join(',')}]`
const rows = list(50_000, '[1,2,3]')

describe('reading pauses each 64 KiB', () => {
  test.each([
    ['an array of numbers', array, list(200_000, '1.5'), 1],
    ['an array of short rows', array, rows, 1],
    ['an array of empty arrays', array, list(200_000, '[]'), 1],
    ['a value that is skipped', skip, rows, 1],
    // What a value is may be told only after it: everything is read twice.
    ['short rows to predict', predict, `{"instances":${rows}}`, 2],
    ['empty rows to predict', predict, `{"instances":${list(200_000, '[]')}}`, 2],
    ['columns to predict', predict, `{"inputs":${rows}}`, 2],
    ['an input of another protocol', infer, inputOf(150_000, rows), 2],
    ['a feature of an example', examples, `{"examples":[{"x":${list(200_000, '1')}}]}`, 2],
    ['a context', examples, `{"context":{${features(100_000)}},"examples":[{}]}`, 2],
    ['a name again and again', predict, `{${again('"signature_name":""')},"inputs":1}`, 1],
    ['an id again and again', infer, `{${again('"id":""')},${inputOf(1, '[1]').slice(1)}`, 1],
  ])('%s', (_what, reading, text, times) => {
    const slices = Math.floor((text.length / SLICE_BYTES) * times)
    const pauses = pausesOf(reading(text)())
    expect(pauses).toBeGreaterThanOrEqual(slices - times)
    // What a value becomes may be worth a pause, too.
    expect(pauses).toBeLessThanOrEqual(slices + 1)
  })
})

describe('a small request never pauses', () => {
  test.each([
    ['an array', array, list(10_000, '[1]')],
    ['a value that is skipped', skip, list(10_000, '[1]')],
    ['rows to predict', predict, `{"instances":${list(10_000, '[1]')}}`],
    ['an input of another protocol', infer, inputOf(10_000, list(10_000, '[1]'))],
    ['examples', examples, `{"examples":${list(3000, '{"x":[1.5]}')}}`],
  ])('%s', (_what, reading, text) => {
    expect(text.length).toBeLessThan(SLICE_BYTES)
    expect(pausesOf(reading(text)())).toBe(0)
  })
})

function inputOf(count: number, data: string): string {
  return `{"inputs":[{"name":"x","datatype":"FP32","shape":[${count}],"data":${data}}]}`
}

function features(count: number): string {
  return Array.from({ length: count }, (_, i) => `"feature_${i}":[]`).join(',')
}

function again(member: string): string {
  return Array<string>(20_000).fill(member).join(',')
}
