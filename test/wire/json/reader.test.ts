import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { viewOf } from '../../../src/domain/tensor-view.ts'
import { inSlices } from '../../../src/lib/in-slices.ts'
import { readArray } from '../../../src/wire/json/array.ts'
import { type JsonDType, sinkFor } from '../../../src/wire/json/elements.ts'
import { JsonReader } from '../../../src/wire/json/reader.ts'
import { skipValue } from '../../../src/wire/json/skip.ts'

/** A generator of its own, so that a failure can be run again (Park and Miller, 1988). */
function random(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

describe('numbers', () => {
  test('are the doubles that JSON.parse reads', () => {
    const next = random(1)
    const digits = (count: number) =>
      Array.from({ length: count }, () => Math.floor(next() * 10)).join('')
    for (let i = 0; i < 20_000; i++) {
      const integer = next() < 0.2 ? '0' : String(1 + Math.floor(next() * 9)) + digits(next() * 18)
      const fraction = next() < 0.5 ? '' : `.${digits(1 + next() * 18)}`
      const exponent = next() < 0.5 ? '' : `e${['', '-', '+'][i % 3]}${Math.floor(next() * 330)}`
      const text = `${next() < 0.5 ? '-' : ''}${integer}${fraction}${exponent}`
      expect(new JsonReader(Buffer.from(text)).number(), text).toBe(JSON.parse(text))
    }
  })

  test.each(['01', '+1', '.5', '1.', '1e', '1e+', '-', '0x10', '1_000', '--1', ''])(
    'are not read from %j',
    (text) => {
      const reader = new JsonReader(Buffer.from(text))
      expect(() => {
        reader.number()
        reader.expectEnd()
      }).toThrow(/JSON is malformed at byte/)
    },
  )
})

describe('any value', () => {
  const valid = ['{}', '[]', ' [1,{"a":[true,null,"x\\""]},-2.5e3] ', '"\\u00e9"', 'NaN']
  test.each(valid)('is passed whole: %s', async (text) => {
    const reader = new JsonReader(Buffer.from(text))
    await inSlices(skipValue(reader))
    reader.expectEnd()
  })

  const broken = ['{', '[', '[1,]', '{"a":1,}', '{"a"}', '{a:1}', '[1 2]', '"x', 'nul', '[}', ']']
  test.each(broken)('is refused where it is malformed: %s', async (text) => {
    const reader = new JsonReader(Buffer.from(text))
    await expect(async () => inSlices(skipValue(reader))).rejects.toThrow(/JSON is malformed/)
  })

  test('is accepted exactly where JSON.parse accepts it', async () => {
    const next = random(2)
    const seed = '{"a":[1,-2.5e3,"xn",true,null,{}],"b":{"c":[[],[0]]}}'
    const alphabet = '{}[]",:0123456789.eE-+ntrufals '
    // What is inside of a string is looked at only when it is read.
    const accepts = (read: () => unknown) => {
      try {
        read()
        return true
      } catch {
        return false
      }
    }
    for (let i = 0; i < 20_000; i++) {
      const letters = seed.split('')
      for (let edits = 1 + Math.floor(next() * 3); edits > 0; edits--) {
        const letter = alphabet[Math.floor(next() * alphabet.length)] ?? ''
        letters.splice(Math.floor(next() * letters.length), next() < 0.5 ? 1 : 0, letter)
      }
      const text = letters.join('')
      const reader = new JsonReader(Buffer.from(text))
      const isRead = accepts(() => {
        for (const pause of skipValue(reader)) expect(pause).toBeUndefined()
        reader.expectEnd()
      })
      expect(isRead, text).toBe(accepts(() => JSON.parse(text)))
    }
  })

  test('may nest a million deep', async () => {
    const reader = new JsonReader(Buffer.from('['.repeat(1e6) + ']'.repeat(1e6)))
    await inSlices(skipValue(reader))
    reader.expectEnd()
  })

  test('costs a byte for each level', async () => {
    const reader = new JsonReader(Buffer.from('['.repeat(4e6) + ']'.repeat(4e6)))
    const before = process.memoryUsage().rss
    await inSlices(skipValue(reader))
    expect(process.memoryUsage().rss - before).toBeLessThan(30e6)
  })
})

describe('strings', () => {
  test.each(['', 'plain', 'q"\\/\b\f\n\r\t', 'é中😀', '\u0000', '\\\\"'])(
    'are read: %j',
    (text) => {
      expect(new JsonReader(Buffer.from(JSON.stringify(text))).string()).toBe(text)
    },
  )

  test.each(['"\u0001"', '"\\x41"', '"\\ud800"', '"\\u12"', '"'])('are refused: %j', (text) => {
    expect(() => new JsonReader(Buffer.from(text)).string()).toThrow(/JSON is malformed/)
  })

  test('are refused where they are not UTF-8', () => {
    const bytes = Buffer.from([0x22, 0xff, 0x22])
    expect(() => new JsonReader(bytes).string()).toThrow(/not UTF-8/)
  })
})

describe('arrays', () => {
  async function read(dtype: JsonDType, text: string, countMax = 1e6) {
    const reader = new JsonReader(Buffer.from(text))
    const sink = sinkFor(dtype, 'input x', 0)
    const { shape } = await inSlices(readArray(reader, sink, countMax))
    reader.expectEnd()
    if (dtype === 'string') throw new Error('not here')
    return { shape, values: [...viewOf(dtype, sink.data())] }
  }

  test('keep 64-bit integers exact over the full range', async () => {
    const signed = '[9223372036854775807,-9223372036854775808,9007199254740993,-0]'
    expect((await read('int64', signed)).values).toEqual([
      9223372036854775807n,
      -9223372036854775808n,
      9007199254740993n,
      0n,
    ])
    const unsigned = '[18446744073709551615,0]'
    expect((await read('uint64', unsigned)).values).toEqual([18446744073709551615n, 0n])
  })

  test.each<[JsonDType, string, RegExp, number?]>([
    ['int64', '[0,9223372036854775808]', /element 1 is out of the range of int64/],
    ['uint64', '[18446744073709551616]', /element 0 is out of the range of uint64/],
    ['uint64', '[-1]', /out of the range/],
    ['int64', `[${'9'.repeat(1000)}]`, /out of the range/],
    ['int8', '[1,2,128]', /element 2 is out of the range of int8/],
    ['int32', '[1.0]', /element 0 is not an integer/],
    ['int32', '[1e2]', /not an integer/],
    ['int32', '[NaN]', /not an integer/],
    ['int32', '[true]', /not an integer/],
    ['float32', '["1"]', /element 0 is not a number/],
    ['float32', '[null]', /not a number/],
    ['bool', '[1]', /element 0 is neither true nor false/],
    ['bool', '[null]', /neither true nor false/],
    ['float32', '[1,2,3]', /element 2 is one more than the 2 of the shape/, 2],
    ['float32', '['.repeat(100_000), /nest deeper than/],
  ])('of %s refuse %.30s', async (dtype, text, sentence, countMax = 1e6) => {
    await expect(read(dtype, text, countMax)).rejects.toThrow(sentence)
  })

  test('read the words that JSON lacks', async () => {
    const { values } = await read('float64', '[NaN,Infinity,-Infinity,Inf,-Inf,-0.0]')
    expect(values).toEqual([NaN, Infinity, -Infinity, Infinity, -Infinity, -0])
  })

  test.each([
    ['[[1,2,3],[4,5,6]]', [2, 3]],
    ['[]', [0]],
    ['[[],[]]', [2, 0]],
    ['[[[1]],[[2]]]', [2, 1, 1]],
    ['[[1],[2,3]]', undefined],
    ['[1,[2]]', undefined],
    ['[[1],2]', undefined],
    ['[[],[1]]', undefined],
  ])('tell their shape: %s', async (text, shape) => {
    expect((await read('float32', text)).shape).toEqual(shape)
  })

  test('let others have their turn while they are large', async () => {
    const text = `[${Array.from({ length: 200_000 }, (_, i) => i / 7).join(',')}]`
    let turns = 0
    let isRunning = true
    const count = () => {
      turns++
      if (isRunning) setImmediate(count)
    }
    setImmediate(count)
    await read('float32', text)
    isRunning = false
    expect(turns).toBeGreaterThan(10)
  })
})
