import { describe, expect, test } from 'vitest'

import { parseEngineMessage } from '../../src/wire/engine-protocol.ts'

const specs = [{ name: 'x', dtype: 'float32', shape: [null, 4] }]
const ready = {
  kind: 'ready',
  signature: { inputs: specs, outputs: specs },
  device: 'cuda',
  runtime: 'onnxruntime 1.30.0',
  openMs: 1,
  warmupMs: 1,
}

test.each([
  [ready],
  [{ kind: 'progress', step: 'opening' }],
  [{ kind: 'failed', code: 'MODEL_UNLOADABLE', message: 'no' }],
  [{ kind: 'error', id: 3, code: 'ENGINE_FAILED', message: 'no' }],
])('what an engine says is taken: %j', (message) => {
  expect(parseEngineMessage(message)).toBe(message)
})

describe('what only a process that was taken over says is refused:', () => {
  test.each([
    [null],
    [{}],
    [{ kind: 'dance' }],
    [{ kind: 'progress', step: 'dancing' }],
    [{ kind: 'failed', code: 'NO_SUCH_CODE', message: 'no' }],
    [{ kind: 'error', id: 0.5, code: 'ENGINE_FAILED', message: 'no' }],
    [{ ...ready, device: undefined }],
    [{ ...ready, device: '' }],
    [{ ...ready, device: 'cpu"} 1\nfake_metric{a="' }],
    [{ ...ready, device: 'x'.repeat(17) }],
    [{ ...ready, signature: { inputs: specs } }],
    [{ ...ready, signature: { inputs: specs, outputs: [{ name: 'x', dtype: 'float8' }] } }],
    [{ ...ready, otherSignatures: [{ name: 'other', inputs: 5, outputs: specs }] }],
  ])('%j', (message) => {
    expect(() => parseEngineMessage(message)).toThrow(TypeError)
  })
})
