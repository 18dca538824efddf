import { Buffer } from 'node:buffer'
import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

import sharp from 'sharp'
import { describe, expect, test } from 'vitest'

import type { ModelFormat } from '../../../src/domain/manifest.ts'
import type { Tensor } from '../../../src/domain/tensor.ts'
import type { BackendOptions, LoadedModel } from '../../../src/worker/backends/backend.ts'
import { onnxBackend } from '../../../src/worker/backends/onnx/index.ts'
import { tensorflowBackend } from '../../../src/worker/backends/tensorflow/index.ts'
import { fixture, temporaryDirectory } from '../../support/registry.ts'

const SAVED_MODEL = fixture('models/tiny/saved_model')

function options(dir: string, entry: string, format: ModelFormat): BackendOptions {
  return { dir, entry, format, threads: 1, threadsAlone: 0, device: 'cpu' }
}

function savedModel(dir = SAVED_MODEL): Promise<LoadedModel> {
  return tensorflowBackend.load(options(dir, '', 'saved-model'))
}

function floats(shape: number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'float32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }
}

function valuesOf(tensor: Tensor | undefined): number[] {
  return [...new Float32Array((tensor?.data ?? new Uint8Array()).slice().buffer)]
}

/** The tensors that TensorFlow holds. */
function tensorsHeld(): number {
  const require = createRequire(import.meta.url)
  const tf = require('@tensorflow/tfjs-node') as { memory(): { numTensors: number } }
  return tf.memory().numTensors
}

async function digit(file: string): Promise<Tensor> {
  const { data } = await sharp(fixture(`images/digits/${file}`))
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return floats(
    [1, 32, 32, 3],
    Array.from(data, (value) => value / 255),
  )
}

describe('a SavedModel', () => {
  test('shows its signature', async () => {
    const { signature, runtime, device } = await savedModel()
    expect(signature.inputs).toEqual([
      { name: 'image', dtype: 'float32', shape: [null, 32, 32, 3] },
    ])
    expect(signature.outputs).toEqual([{ name: 'output_0', dtype: 'float32', shape: [null, 10] }])
    expect([runtime, device]).toEqual(['tfjs-node 4.22.0', 'cpu'])
  })

  test('answers what the same network in ONNX does, on every digit, and leaves no tensor', async () => {
    const expected = JSON.parse(
      readFileSync(fixture('images/digits/labels.json'), 'utf8'),
    ) as Record<string, { expect: { v1: { cls: number; p: number } } }>
    const model = await savedModel()
    const onnx = await onnxBackend.load(options(fixture('models/tiny'), 'model.onnx', 'onnx'))
    const [input = ''] = onnx.signature.inputs.map(({ name }) => name)
    const held = tensorsHeld()
    for (const [file, { expect: known }] of Object.entries(expected)) {
      const image = await digit(file)
      const [mine = []] = [...(await model.run(new Map([['image', image]]), {})).values()].map(
        valuesOf,
      )
      const [other = []] = [...(await onnx.run(new Map([[input, image]]), {})).values()].map(
        valuesOf,
      )
      const best = mine.indexOf(Math.max(...mine))
      expect([file, best]).toEqual([file, known.v1.cls])
      expect(mine[best]).toBeCloseTo(known.v1.p, 4)
      const logits = (probabilities: number[]) => probabilities.map((p) => Math.log(p))
      for (const [i, logit] of logits(mine).entries()) {
        expect(Math.abs(logit - (logits(other)[i] ?? NaN))).toBeLessThan(1e-3)
      }
    }
    expect(tensorsHeld()).toBe(held)
    await model.close()
  })

  test('takes a batch, and bytes that are not aligned', async () => {
    const model = await savedModel()
    const one = await digit('digit_3_0.png')
    const shifted = Buffer.concat([Buffer.from([0]), one.data, one.data]).subarray(1)
    const image: Tensor = { dtype: 'float32', shape: [2, 32, 32, 3], data: shifted }
    const outputs = await model.run(new Map([['image', image]]), {})
    const probabilities = valuesOf(outputs.get('output_0'))
    expect(outputs.get('output_0')?.shape).toEqual([2, 10])
    expect(probabilities.slice(0, 10).indexOf(Math.max(...probabilities.slice(0, 10)))).toBe(3)
    // Not bit for bit: on some processors each row of a batch has kernels of its own.
    for (const [i, p] of probabilities.slice(10).entries()) {
      expect(Math.abs(Math.log(p / (probabilities[i] ?? NaN)))).toBeLessThan(1e-4)
    }
  })

  test('that fails leaves no tensor behind either', async () => {
    const model = await savedModel()
    const held = tensorsHeld()
    const wrong = new Map([['image', floats([1, 8, 8, 1], new Float32Array(64))]])
    for (let i = 0; i < 5; i++) await expect(model.run(wrong, {})).rejects.toThrow()
    expect(tensorsHeld()).toBe(held)
  })

  function damaged(damage: (dir: string) => void): string {
    const dir = path.join(temporaryDirectory(), 'model')
    cpSync(SAVED_MODEL, dir, { recursive: true })
    damage(dir)
    return dir
  }

  test.each<[string, (dir: string) => void]>([
    ['no graph', (dir) => rmSync(path.join(dir, 'saved_model.pb'))],
    ['half a graph', (dir) => truncateSync(path.join(dir, 'saved_model.pb'), 9000)],
    ['an empty graph', (dir) => truncateSync(path.join(dir, 'saved_model.pb'), 0)],
    [
      'half its weights',
      (dir) => truncateSync(path.join(dir, 'variables/variables.data-00000-of-00001'), 9000),
    ],
  ])('with %s is refused with a sentence', async (_, damage) => {
    await expect(savedModel(damaged(damage))).rejects.toMatchObject({
      code: 'MODEL_UNLOADABLE',
      message: expect.stringMatching(/\w+ \w+/) as string,
    })
  })

  test('without its weights opens and does not run: that is what the warm-up is for', async () => {
    const dir = damaged((place) => rmSync(path.join(place, 'variables'), { recursive: true }))
    const run = savedModel(dir).then((model) =>
      model.run(new Map([['image', floats([1, 32, 32, 3], new Float32Array(3072))]]), {}),
    )
    await expect(run).rejects.toThrow()
  })
})

/** y = softmax(x · W + b), written by hand as tfjs writes a converted graph. */
function graphModelDir(): string {
  const dir = temporaryDirectory()
  const weights = Float32Array.from([1, 2, 3, 4, 5, 6, 0.5, -0.5])
  writeFileSync(path.join(dir, 'group1-shard1of2.bin'), Buffer.from(weights.buffer).subarray(0, 20))
  writeFileSync(path.join(dir, 'group1-shard2of2.bin'), Buffer.from(weights.buffer).subarray(20))
  const shape = (...sizes: number[]) => ({ shape: { dim: sizes.map((size) => ({ size })) } })
  const float = { type: 'DT_FLOAT' }
  const node = (name: string, op: string, input: string[], attr: object) => ({
    name,
    op,
    input,
    attr,
  })
  const model = {
    format: 'graph-model',
    modelTopology: {
      node: [
        node('x', 'Placeholder', [], { dtype: float, shape: shape(-1, 3) }),
        node('w', 'Const', [], {
          dtype: float,
          value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(3, 2).shape } },
        }),
        node('b', 'Const', [], {
          dtype: float,
          value: { tensor: { dtype: 'DT_FLOAT', tensorShape: shape(2).shape } },
        }),
        node('product', 'MatMul', ['x', 'w'], {
          T: float,
          transpose_a: { b: false },
          transpose_b: { b: false },
        }),
        node('sum', 'BiasAdd', ['product', 'b'], { T: float }),
        node('y', 'Softmax', ['sum'], { T: float }),
      ],
      versions: { producer: 1 },
    },
    signature: {
      inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 3).shape } },
      outputs: { y: { name: 'y:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 2).shape } },
    },
    weightsManifest: [
      {
        paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'],
        weights: [
          { name: 'w', shape: [3, 2], dtype: 'float32' },
          { name: 'b', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  }
  writeFileSync(path.join(dir, 'model.json'), JSON.stringify(model))
  return dir
}

function rewrite(dir: string, change: (model: { weightsManifest: [{ paths: string[] }] }) => void) {
  const file = path.join(dir, 'model.json')
  const model = JSON.parse(readFileSync(file, 'utf8')) as { weightsManifest: [{ paths: string[] }] }
  change(model)
  writeFileSync(file, JSON.stringify(model))
  return dir
}

describe('a tfjs graph model', () => {
  const load = (dir: string) => tensorflowBackend.load(options(dir, 'model.json', 'tfjs-graph'))

  test('answers, by its names, and leaves no tensor', async () => {
    const model = await load(graphModelDir())
    expect(model.signature).toEqual({
      inputs: [{ name: 'x', dtype: 'float32', shape: [null, 3] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: [null, 2] }],
    })
    const held = tensorsHeld()
    for (let i = 0; i < 20; i++) {
      const outputs = await model.run(new Map([['x', floats([1, 3], [1, 0, -1])]]), {})
      // x · W + b = (1 − 5 + 0.5, 2 − 6 − 0.5)
      const odds = [Math.exp(-3.5), Math.exp(-4.5)]
      const total = (odds[0] ?? 0) + (odds[1] ?? 0)
      for (const [k, value] of valuesOf(outputs.get('y')).entries()) {
        expect(value).toBeCloseTo((odds[k] ?? 0) / total, 6)
      }
    }
    expect(tensorsHeld()).toBe(held)
  })

  test.each<[string, (dir: string) => string, RegExp]>([
    [
      'weights elsewhere',
      (dir) =>
        rewrite(dir, ({ weightsManifest }) => (weightsManifest[0].paths[0] = '../../etc/passwd')),
      /\.\.\/\.\.\/etc\/passwd.*without empty/,
    ],
    [
      'weights at an absolute path',
      (dir) => rewrite(dir, ({ weightsManifest }) => (weightsManifest[0].paths[0] = '/etc/passwd')),
      /relative/,
    ],
    [
      'a shard missing',
      (dir) => (rmSync(path.join(dir, 'group1-shard2of2.bin')), dir),
      /shard2of2.*missing/,
    ],
    ['a short shard', (dir) => (truncateSync(path.join(dir, 'group1-shard2of2.bin'), 4), dir), /./],
    [
      'no topology',
      (dir) => (writeFileSync(path.join(dir, 'model.json'), '{}'), dir),
      /modelTopology/,
    ],
    ['no JSON', (dir) => (writeFileSync(path.join(dir, 'model.json'), '{'), dir), /JSON/],
  ])('with %s is refused with a sentence', async (_, damage, sentence) => {
    await expect(load(damage(graphModelDir()))).rejects.toMatchObject({
      code: 'MODEL_UNLOADABLE',
      message: expect.stringMatching(sentence) as string,
    })
  })
})

/** x · W + b through a softmax again, as Keras writes it. */
function layersModelDir(): string {
  const dir = temporaryDirectory()
  const weights = Float32Array.from([1, 2, 3, 4, 5, 6, 0.5, -0.5])
  mkdirSync(dir, { recursive: true })
  writeFileSync(path.join(dir, 'weights.bin'), Buffer.from(weights.buffer))
  const model = {
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.12.0',
      backend: 'tensorflow',
      model_config: {
        class_name: 'Sequential',
        config: {
          name: 'sequential',
          layers: [
            {
              class_name: 'Dense',
              config: {
                name: 'dense',
                units: 2,
                activation: 'softmax',
                use_bias: true,
                batch_input_shape: [null, 3],
                dtype: 'float32',
              },
            },
          ],
        },
      },
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: [
          { name: 'dense/kernel', shape: [3, 2], dtype: 'float32' },
          { name: 'dense/bias', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  }
  writeFileSync(path.join(dir, 'model.json'), JSON.stringify(model))
  return dir
}

test('a tfjs layers model answers the same, and leaves no tensor', async () => {
  const graph = await tensorflowBackend.load(options(graphModelDir(), 'model.json', 'tfjs-graph'))
  const layers = await tensorflowBackend.load(
    options(layersModelDir(), 'model.json', 'tfjs-layers'),
  )
  expect(layers.signature.inputs[0]).toMatchObject({ dtype: 'float32', shape: [null, 3] })
  const [input = ''] = layers.signature.inputs.map(({ name }) => name)
  const [output = ''] = layers.signature.outputs.map(({ name }) => name)
  const x = floats([2, 3], [1, 0, -1, 0.1, 0.2, 0.3])
  const expected = valuesOf((await graph.run(new Map([['x', x]]), {})).get('y'))
  const held = tensorsHeld()
  for (let i = 0; i < 20; i++) {
    const given = valuesOf((await layers.run(new Map([[input, x]]), {})).get(output))
    for (const [k, value] of given.entries()) expect(value).toBeCloseTo(expected[k] ?? NaN, 6)
  }
  expect(tensorsHeld()).toBe(held)
})

test('dtypes that tfjs-node does not carry are refused by name', async () => {
  const model = await savedModel()
  const double: Tensor = { dtype: 'float64', shape: [1], data: new Uint8Array(8) }
  await expect(model.run(new Map([['image', double]]), {})).rejects.toMatchObject({
    code: 'TENSOR_INVALID',
    message: expect.stringContaining('float64') as string,
  })
})
