import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import type { NamedTensors, Tensor } from '../../../src/domain/tensor.ts'
import { packBytes, packStrings } from '../../../src/domain/tensor-strings.ts'
import { tensorOf } from '../../../src/domain/tensor-view.ts'
import type { Sliced } from '../../../src/lib/in-slices.ts'
import { writePredictResponse } from '../../../src/wire/tensorflow-serving/predict-response.ts'
import { classifications, regressions } from '../../../src/wire/tensorflow-serving/results.ts'
import { pausesOf } from '../../support/pauses.ts'

function textOf(work: Sliced<string>): string {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function zeros(...shape: number[]): Tensor {
  return { dtype: 'float32', shape, data: new Uint8Array(4 * count(shape)) }
}

function integers(...shape: number[]): Tensor {
  return tensorOf('int32', shape, [...Array(count(shape)).keys()])
}

function strings(...elements: string[]): Tensor {
  return { dtype: 'string', shape: [elements.length], data: packStrings(elements) }
}

const named = (...tensors: Tensor[]): NamedTensors =>
  new Map(tensors.map((tensor, i) => [`y${i}`, tensor]))

/** What JSON.stringify makes of the values, nested by their shape. */
function nested({ shape }: Tensor): string {
  let at = 0
  const valueOf = (axis: number): unknown =>
    axis === shape.length ? at++ : Array.from({ length: shape[axis] ?? 0 }, () => valueOf(axis + 1))
  return JSON.stringify(valueOf(0))
}

describe('a predict response', () => {
  test.each([
    [[]],
    [[0]],
    [[1]],
    [[5]],
    [[2, 3]],
    [[2, 0]],
    [[2, 0, 3]],
    [[0, 3]],
    [[1, 1, 1]],
    [[2, 1, 3]],
    [[3, 2, 1, 2]],
    [[2, 2, 2, 2, 2]],
    [[2, 10_000]],
    [[3, 4097, 2]],
  ])('nests as the shape %j', (shape) => {
    const tensor = integers(...shape)
    const expected = nested(tensor)
    expect(textOf(writePredictResponse('column', named(tensor)))).toBe(`{"outputs":${expected}}`)
    if (shape.length === 0) return
    expect(textOf(writePredictResponse('row', named(tensor)))).toBe(`{"predictions":${expected}}`)
  })

  test('has an object of each row where there are several outputs', () => {
    const outputs = new Map([
      ['a', integers(2, 2)],
      ['b_bytes', { dtype: 'string', shape: [2], data: packBytes([Buffer.of(0xff), Buffer.of()]) }],
      ['c', { dtype: 'string', shape: [2, 1], data: packStrings(['é', '"']) }],
    ] as const satisfies [string, Tensor][])
    expect(textOf(writePredictResponse('row', outputs))).toBe(
      '{"predictions":[{"a":[0,1],"b_bytes":{"b64":"/w=="},"c":["é"]},' +
        '{"a":[2,3],"b_bytes":{"b64":""},"c":["\\""]}]}',
    )
  })

  test('names an output whose bytes are no text', () => {
    const data = packBytes([Buffer.from('a'), Buffer.of(0xff)])
    const outputs = named({ dtype: 'string', shape: [2], data })
    expect(() => textOf(writePredictResponse('row', outputs))).toThrow(
      /output y0 holds bytes that are no text; its name must end with _bytes/,
    )
  })

  test.each([
    [[999, 1000]],
    [[999_000]],
    [[999_000, 1]],
    [[1, 999_000]],
    [[333, 1000, 3]],
    [[9990, 10, 10]],
  ])('of the shape %j pauses each 4096 elements', (shape) => {
    const outputs = named(zeros(...shape))
    const pauses = Math.floor(999_000 / 4096)
    expect(pausesOf(writePredictResponse('row', outputs))).toBe(pauses)
    expect(pausesOf(writePredictResponse('column', outputs))).toBe(pauses)
  })

  test('pauses in rows without elements', () => {
    const outputs = named(zeros(100_000, 0))
    expect(pausesOf(writePredictResponse('row', outputs))).toBe(Math.floor(100_000 / 4096))
  })

  test.each([
    ['row', [100_000_000, 0]],
    ['column', [2, 100_000_000, 0, 3]],
  ] as const)('of a %s of lists without an element has a bound', (format, shape) => {
    const outputs = named(zeros(...shape))
    expect(() => textOf(writePredictResponse(format, outputs))).toThrow('without an element')
  })

  test('does not pause when it is small', () => {
    expect(pausesOf(writePredictResponse('row', named(zeros(1000, 4), zeros(1000))))).toBe(0)
  })
})

describe('results', () => {
  test('of a classification', () => {
    const scores = tensorOf('float32', [2, 2], [0.5, 1, 0.25, 0])
    const classes = strings('a', 'b', 'c', '"')
    const labels = ['x']
    const write = (outputs: NamedTensors) => textOf(classifications(outputs, 2, labels))
    expect(write(new Map([['scores', scores]]))).toBe(
      '{"results":[[["x",0.5],["",1.0]],[["x",0.25],["",0.0]]]}',
    )
    expect(write(new Map([['classes', classes]]))).toBe(
      '{"results":[[["a",0.0],["b",0.0]],[["c",0.0],["\\"",0.0]]]}',
    )
    expect(
      write(
        new Map([
          ['scores', scores],
          ['classes', classes],
        ]),
      ),
    ).toBe('{"results":[[["a",0.5],["b",1.0]],[["c",0.25],["\\"",0.0]]]}')
    const few = new Map([
      ['scores', scores],
      ['classes', strings('a')],
    ])
    expect(() => write(few)).toThrow(/do not hold as many values for each of 2 examples/)
  })

  test('of a regression', () => {
    const outputs = named(tensorOf('float32', [2, 1], [0.1, 2]))
    expect(textOf(regressions(outputs, 2))).toBe('{"results":[0.1,2.0]}')
    expect(() => textOf(regressions(outputs, 1))).toThrow(/one value per example, not 2/)
  })

  test('pause each 4096 values', () => {
    const pauses = Math.floor(100_000 / 4096)
    expect(pausesOf(classifications(named(zeros(1000, 100)), 1000, undefined))).toBe(pauses)
    expect(pausesOf(classifications(named(zeros(1, 100_000)), 1, undefined))).toBe(pauses)
    expect(pausesOf(regressions(named(zeros(100_000)), 100_000))).toBe(pauses)
    expect(pausesOf(classifications(named(zeros(40, 100)), 40, undefined))).toBe(0)
  })
})
