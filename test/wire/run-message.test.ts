import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import type { Signatures } from '../../src/domain/signature.ts'
import { type DType, DTYPES, type NamedTensors } from '../../src/domain/tensor.ts'
import { type Frame, FrameDecoder, FrameWriter } from '../../src/wire/frame.ts'
import {
  decodeResult,
  decodeRun,
  encodeResult,
  encodeRun,
  inSharedMemory,
  MESSAGE_BYTES_MAX,
  type RunMessage,
  sharedBodyOf,
  tooLong,
} from '../../src/wire/run-message.ts'

const specs = (names: readonly string[]) =>
  names.map((name) => ({ name, dtype: 'float32' as const, shape: null }))

const model: Signatures = {
  signature: { inputs: specs(['a', 'b', 'c', 'd']), outputs: specs(['y', 'z']) },
  otherSignatures: [{ name: 'other', inputs: specs(['d']), outputs: specs(['p', 'q']) }],
}

const timings = { preprocessMs: 0.25, inferenceMs: 1.5, sharedBy: 3 }

function received({ header, parts }: RunMessage): Frame {
  const writer = new FrameWriter()
  writer.numbers(header, parts)
  const frames: Frame[] = []
  new FrameDecoder(1e6, (frame) => frames.push(frame)).push(Buffer.concat(writer.take()))
  const [frame] = frames
  if (frame === undefined) throw new Error('no frame')
  return frame
}

function numbers(...header: number[]): Frame {
  return received({ header, parts: [new Uint8Array(32)] })
}

const tensors: NamedTensors = new Map([
  ['c', { dtype: 'bool' as const, shape: [3], data: Buffer.of(1, 0, 1) }],
  [
    'a',
    {
      dtype: 'float64' as const,
      shape: [1, 2],
      data: Buffer.from(new Float64Array([1, NaN]).buffer),
    },
  ],
  ['d', { dtype: 'int8' as const, shape: [0, 2 ** 40], data: Buffer.alloc(0) }],
  ['b', { dtype: 'int64' as const, shape: [], data: Buffer.alloc(8, 7) }],
])

describe('a request', () => {
  test('of tensors arrives as it was sent', () => {
    const request = { kind: 'tensors' as const, inputs: tensors, outputs: ['z', 'y'] }
    const frame = received(encodeRun(model, request, { id: 7, alone: true }))
    const command = { ...request, id: 7, alone: true, signature: undefined }
    expect(decodeRun(model, frame)).toEqual(command)
  })

  test('of another signature arrives as it was sent', () => {
    const data = Buffer.alloc(4)
    const inputs = new Map([['d', { dtype: 'float32' as const, shape: [1], data }]])
    const request = { kind: 'tensors' as const, inputs, outputs: undefined, signature: 'other' }
    const frame = received(encodeRun(model, request, { id: 2 ** 40, alone: false }))
    expect(decodeRun(model, frame)).toEqual({ ...request, id: 2 ** 40, alone: false })
  })

  test.each(DTYPES)('of %s arrives as it was sent', (dtype: DType) => {
    const data = Buffer.alloc(dtype === 'string' ? 12 : 16, 1)
    const request = {
      kind: 'tensors' as const,
      inputs: new Map([['a', { dtype, shape: [2], data }]]),
    }
    const frame = received(encodeRun(model, request, { id: 1, alone: false }))
    expect(decodeRun(model, frame)).toMatchObject(request)
  })

  test('of an image arrives as it was sent', () => {
    const request = { kind: 'image' as const, image: Buffer.from('a photo'), topK: 5 }
    const frame = received(encodeRun(model, request, { id: 9, alone: false }))
    expect(decodeRun(model, frame)).toEqual({ ...request, id: 9, alone: false })
  })

  test('keeps its elements aligned, that they can be used in place', () => {
    const request = { kind: 'tensors' as const, inputs: tensors }
    const frame = received(encodeRun(model, request, { id: 1, alone: false }))
    const command = decodeRun(model, frame)
    if (command.kind !== 'tensors') throw new Error('an image')
    const offsets = [...command.inputs.values()].map(({ data }) => data.byteOffset % 8)
    expect(new Set(offsets).size).toBe(1)
  })

  test('finds its tensors in shared memory, where it was put there', () => {
    const request = { kind: 'tensors' as const, inputs: tensors, outputs: ['y'] }
    const message = encodeRun(model, request, { id: 1, alone: false })
    const frame = received(inSharedMemory(message, 4096))
    const padded = message.parts.map((part) =>
      Buffer.concat([part, Buffer.alloc(-part.byteLength & 7)]),
    )
    const memory = Buffer.concat(padded)
    expect(sharedBodyOf(frame)).toEqual({ at: 4096, bytes: memory.length })
    expect(sharedBodyOf(received(message))).toBeUndefined()
    const body = { part: (at: number, bytes: number) => memory.subarray(at, at + bytes) }
    expect(decodeRun(model, frame, body)).toMatchObject(request)
    expect(() => decodeRun(model, frame)).toThrow(/beyond/)
  })

  test('for a tensor that the model has not is refused', () => {
    const inputs = new Map([['x', { dtype: 'bool' as const, shape: [], data: Buffer.alloc(1) }]])
    expect(() => encodeRun(model, { kind: 'tensors', inputs }, { id: 1, alone: false })).toThrow(
      /no tensor x/,
    )
  })
})

describe('an answer', () => {
  test('of tensors arrives as it was sent', () => {
    const outputs = new Map([
      ['z', { dtype: 'string' as const, shape: [1], data: Buffer.from('\x01\0\0\0x') }],
      ['y', { dtype: 'float16' as const, shape: [2, 1], data: Buffer.alloc(4, 3) }],
    ])
    const result = { kind: 'tensors' as const, outputs, timings }
    const frame = received(encodeResult(3, model.signature, result))
    expect(decodeResult(model.signature, frame)).toEqual(result)
  })

  test('of classes arrives as it was sent', () => {
    const classes = [
      { index: 281, score: 0.75 },
      { index: 0, score: NaN },
    ]
    const result = { kind: 'classes' as const, classes, timings }
    const frame = received(encodeResult(3, model.signature, result))
    expect(decodeResult(model.signature, frame)).toEqual(result)
  })

  test.each([
    ['of an unknown kind', [9, 1, 0, 0, 1, 1]],
    ['that is a request', [2, 1, 0, 0, 1, 0]],
    ['that is too short', [4, 1, 0]],
    ['without classes', [3, 1, 0, 0, 1, 0]],
    ['with fewer classes than it says', [3, 1, 0, 0, 1, 2, 5, 0.5]],
    ['with a class that is no number', [3, 1, 0, 0, 1, 1, NaN, 0.5]],
    ['with a class of 1.5', [3, 1, 0, 0, 1, 1, 1.5, 0.5]],
    ['with a time below zero', [3, 1, -1, 0, 1, 1, 5, 0.5]],
    ['with a time that is no number', [3, 1, 0, NaN, 1, 1, 5, 0.5]],
    ['with more tensors than it holds', [4, 1, 0, 0, 1, 1e9]],
    ['with a count that is no number', [4, 1, 0, 0, 1, NaN]],
    ['with a tensor that the model has not', [4, 1, 0, 0, 1, 1, 2, 8, 4, 1, 1]],
    ['with a dtype there is not', [4, 1, 0, 0, 1, 1, 0, 99, 4, 1, 1]],
    ['with a tensor beyond the frame', [4, 1, 0, 0, 1, 1, 0, 8, 33, 1, 1]],
    ['with less than nothing', [4, 1, 0, 0, 1, 1, 0, 8, -4, 1, 1]],
    ['with a rank it does not hold', [4, 1, 0, 0, 1, 1, 0, 8, 4, 1e12, 1]],
    ['with a rank that is no number', [4, 1, 0, 0, 1, 1, 0, 8, 4, NaN, 1]],
    ['with a size below zero', [4, 1, 0, 0, 1, 1, 0, 8, 4, 1, -1]],
    ['of a run for nobody', [3, 1, 0, 0, 0, 1, 5, 0.5]],
    ['of a run for half a request', [3, 1, 0, 0, 0.5, 1, 5, 0.5]],
  ])('%s is refused', (_, header) => {
    expect(() => decodeResult(model.signature, numbers(...header))).toThrow()
  })
})

test('a message is as long as its header and its padded parts, and has a bound', () => {
  const part = new Uint8Array(MESSAGE_BYTES_MAX - 16)
  expect(tooLong({ header: [1, 2], parts: [part] })).toBeUndefined()
  expect(tooLong({ header: [1], parts: [part, new Uint8Array(1)] })).toBeUndefined()
  expect(tooLong({ header: [1, 2], parts: [part, new Uint8Array(1)] })).toBe(
    '1073741832 bytes; at most 1073741824 are possible',
  )
})
