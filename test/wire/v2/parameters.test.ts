import { Buffer } from 'node:buffer'

import { expect, test } from 'vitest'

import { JsonReader } from '../../../src/wire/json/reader.ts'
import { PARAMETERS_MAX } from '../../../src/wire/v2/limits.ts'
import { readParameters } from '../../../src/wire/v2/parameters.ts'

test('a name that comes again and again is refused as many names are', () => {
  const read = (count: number) =>
    readParameters(new JsonReader(Buffer.from(`{${Array(count).fill('"a":1').join(',')}}`)))
  expect([...read(PARAMETERS_MAX)]).toEqual([['a', 1n]])
  expect(() => read(PARAMETERS_MAX + 1)).toThrow(`more than ${PARAMETERS_MAX} parameters`)
})
