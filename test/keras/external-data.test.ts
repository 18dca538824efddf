import { writeFileSync } from 'node:fs'
import path from 'node:path'

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'

import { GraphBuilder } from '../../src/keras/graph/builder.ts'
import { encodeModel } from '../../src/keras/onnx/encode-model.ts'
import { externalFileOf, writeModel } from '../../src/keras/onnx/write-model.ts'
import { temporaryDirectory } from '../support/registry.ts'

test('beyond a size the large constants lie in a second file', async () => {
  const graph = new GraphBuilder()
  const x = graph.input('x', 'float32', [null, 300])
  const one = graph.weights('one', [300, 300], () => new Float32Array(90_000).fill(1))
  const two = graph.weights('two', [300, 2], () => new Float32Array(600).fill(0.5))
  const bias = graph.floats([1, -1], [2])
  const y = graph.op('MatMul', [x, one], { dtype: 'float32', shape: [null, 300] })
  const z = graph.op('Gemm', [y, two, bias], { dtype: 'float32', shape: [null, 2] })
  const target = path.join(temporaryDirectory(), 'model.onnx')
  const model = { name: 'm', inputs: [x], outputs: [z], nodes: graph.nodes }
  const name = path.basename(externalFileOf(target))
  const encoded = encodeModel(model, 'test', name, 1000)
  expect(encoded.external.map((value) => value.shape)).toEqual([
    [300, 300],
    [300, 2],
  ])
  writeFileSync(`${target}.data`, 'what was there before')
  writeModel(encoded, target)
  const session = await InferenceSession.create(target)
  const input = new Tensor('float32', new Float32Array(300).fill(0.01), [1, 300])
  const { [session.outputNames[0] ?? '']: output } = await session.run({ x: input })
  await session.release()
  const [a = NaN, b = NaN] = [...((output?.data ?? []) as Float32Array)]
  expect(a).toBeCloseTo(451, 2)
  expect(b).toBeCloseTo(449, 2)
})
