import { Buffer } from 'node:buffer'

import { expect, test } from 'vitest'

import { readExamplesRequest } from '../../../src/wire/tensorflow-serving/examples-request.ts'
import { pausesOf } from '../../support/pauses.ts'

/** A request whose context has features, which every example gets. */
function request(feature: string, features: number, examples: number, example = '{}') {
  const context = Array.from({ length: features }, (_, i) => `"k${i}":${feature}`).join(',')
  const text = `{"context":{${context}},"examples":[${Array(examples).fill(example).join(',')}]}`
  return readExamplesRequest(Buffer.from(text))
}

test.each([
  ['no values', '[]'],
  ['one value', '1'],
])('features of %s in a context cost as much in every example', (_what, feature) => {
  expect(() => pausesOf(request(feature, 500, 500))).toThrow(/more than 250000 values in all/)
  expect(() => pausesOf(request(feature, 500, 400))).not.toThrow()
})

test('features without values cost something in an example, too', () => {
  const example = `{${Array.from({ length: 499 }, (_, i) => `"k${i}":[]`).join(',')}}`
  expect(() => pausesOf(request('1', 0, 501, example))).toThrow(/more than 250000 values in all/)
})

test('others have a turn for each 8192 features that are copied', () => {
  expect(pausesOf(request('[]', 500, 400))).toBe(Math.floor((501 * 400) / 8192))
})
