import { Buffer } from 'node:buffer'

import { describe, expect, test } from 'vitest'

import { packTensors, parseEngineMessage, unpackTensors } from '../../src/wire/engine-protocol.ts'
import { encodeFrame, type Frame, FrameDecoder } from '../../src/wire/frame.ts'

function bytesOf(header: object, parts: Uint8Array[] = []): Buffer {
  return Buffer.concat(encodeFrame(header, parts))
}

function decode(stream: Buffer, chunkBytes: number, frameBytesMax = 1e6): Frame[] {
  const decoder = new FrameDecoder(frameBytesMax)
  const frames: Frame[] = []
  for (let at = 0; at < stream.length; at += chunkBytes) {
    frames.push(...decoder.push(stream.subarray(at, at + chunkBytes)))
  }
  return frames
}

describe('frames', () => {
  const headers = [{ a: 1 }, { text: 'ünï\ncode' }, {}, { big: 'x'.repeat(5000) }]
  const parts = [[], [new Uint8Array([1, 2, 3])], [new Uint8Array(), new Uint8Array(9)], []]
  const stream = Buffer.concat(headers.map((header, i) => bytesOf(header, parts[i])))

  test.each([1, 3, 8, 100, 1e6])('survive being cut every %d bytes', (chunkBytes) => {
    const frames = decode(stream, chunkBytes)
    expect(frames.map(({ header }) => header)).toEqual(headers)
    expect(frames.map(({ body }) => body.length)).toEqual([0, 8, 16, 0])
    expect([...(frames[1]?.body.subarray(0, 3) ?? [])]).toEqual([1, 2, 3])
  })

  test('longer than the bound are refused before they are read', () => {
    expect(() => decode(bytesOf({ a: 1 }, [new Uint8Array(1000)]), 10, 500)).toThrow(/at most 500/)
  })

  test('that are no JSON are refused', () => {
    const frame = bytesOf({ a: 1 })
    frame[8] = 0x21
    expect(() => decode(frame, 100)).toThrow()
  })
})

test('tensors pass a frame unchanged, each aligned for any element', () => {
  const tensors = new Map([
    ['flags', { dtype: 'bool' as const, shape: [3], data: new Uint8Array([1, 0, 1]) }],
    [
      'x',
      {
        dtype: 'float64' as const,
        shape: [1, 2],
        data: new Uint8Array(new Float64Array([1, NaN]).buffer),
      },
    ],
    ['none', { dtype: 'int8' as const, shape: [0], data: new Uint8Array() }],
    ['scalar', { dtype: 'int64' as const, shape: [], data: new Uint8Array(8) }],
  ])
  const { headers, parts } = packTensors(tensors)
  const [frame] = decode(bytesOf({ inputs: headers }, parts), 7)
  const { inputs } = (frame?.header ?? {}) as { inputs: typeof headers }
  const unpacked = unpackTensors(inputs, frame?.body ?? Buffer.alloc(0))
  expect([...unpacked.keys()]).toEqual([...tensors.keys()])
  for (const [name, { data, dtype, shape }] of unpacked) {
    expect({ dtype, shape }).toEqual({
      dtype: tensors.get(name)?.dtype,
      shape: tensors.get(name)?.shape,
    })
    expect([...data]).toEqual([...(tensors.get(name)?.data ?? [])])
    expect(data.byteOffset % 8).toBe(0)
  }
})

test.each([
  null,
  'ready',
  {},
  { kind: 'nonsense' },
  { kind: 'classes', id: 1, classes: [] },
  { kind: 'classes', id: 'x', classes: [{ index: 1, score: 1 }] },
  { kind: 'classes', id: 1, classes: [{ index: 1.5, score: 1 }] },
  { kind: 'error', id: 1, code: 'NOT_A_CODE', message: 'm' },
  { kind: 'ready', signature: { inputs: [{ name: 'x', dtype: 'complex64' }], outputs: [] } },
  { kind: 'ready' },
])('a message that an engine must not send is refused: %j', (message) => {
  expect(() => parseEngineMessage(message)).toThrow()
})

test('a tensor that lies beyond its frame is refused', () => {
  const header = { name: 'x', dtype: 'float32' as const, shape: [9], bytes: 36 }
  expect(() => unpackTensors([header], Buffer.alloc(32))).toThrow(/beyond/)
  expect(() => unpackTensors([{ ...header, bytes: -4 }], Buffer.alloc(32))).toThrow(/malformed/)
})
