import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { File as Hdf5, ready } from 'h5wasm/node'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { beforeEach, describe, expect, test } from 'vitest'

import { compileKeras } from '../../src/keras/compile.ts'
import { writeZip } from '../keras-oracle/stored-zip.ts'
import { endlessH5 } from '../support/endless-h5.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'

let dir: string
beforeEach(async () => {
  await ready
  dir = temporaryDirectory()
})

type Variables = Readonly<Record<string, { shape: number[]; values: number[] }>>

/** An .h5 file as TensorFlow's Keras writes it, with variables `layer/name:0`. */
function h5(config: unknown, variables: Variables = {}, version = '2.15.0'): string {
  const path = `${dir}/model.h5`
  const file = new Hdf5(path, 'w')
  file.create_attribute('model_config', JSON.stringify(config))
  file.create_attribute('keras_version', version)
  const root = file.create_group('model_weights')
  const layers = [...new Set(Object.keys(variables).map((name) => name.split('/')[0] ?? ''))]
  if (layers.length > 0) root.create_attribute('layer_names', layers)
  for (const layer of layers) {
    const names = Object.keys(variables).filter((name) => name.startsWith(`${layer}/`))
    const group = root.create_group(layer)
    group.create_attribute(
      'weight_names',
      names.map((name) => `${name}:0`),
    )
    const inner = group.create_group(layer)
    for (const name of names) {
      const { shape, values } = variables[name] ?? { shape: [], values: [] }
      const data = Float32Array.from(values)
      inner.create_dataset({ name: `${name.slice(layer.length + 1)}:0`, data, shape })
    }
  }
  file.close()
  return path
}

function layer(className: string, name: string, options: object = {}) {
  return { class_name: className, config: { name, trainable: true, dtype: 'float32', ...options } }
}

function sequential(shape: (number | null)[], ...layers: object[]) {
  const input = layer('InputLayer', 'x', { batch_input_shape: [null, ...shape] })
  return { class_name: 'Sequential', config: { name: 'model', layers: [input, ...layers] } }
}

const dense = layer('Dense', 'd', { units: 2, activation: 'linear', use_bias: true })
const denseVariables: Variables = {
  'd/kernel': { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] },
  'd/bias': { shape: [2], values: [0.5, -0.5] },
}

async function run(model: string, values: number[], shape: number[]) {
  const session = await InferenceSession.create(model)
  const input = new Tensor('float32', Float32Array.from(values), shape)
  const outputs = await session.run({ [session.inputNames[0] ?? '']: input })
  const { data, dims } = outputs[session.outputNames[0] ?? ''] ?? { data: [], dims: [] }
  await session.release()
  return { values: [...(data as Float32Array)], shape: dims }
}

function target(): string {
  return path.join(dir, 'model.onnx')
}

async function compiled(config: unknown, variables: Variables = {}, version?: string) {
  return compileKeras(h5(config, variables, version), target())
}

describe('what is computed', () => {
  test('Dense: x · kernel + bias', async () => {
    const { signature } = await compiled(sequential([3], dense), denseVariables)
    expect(signature).toEqual({
      inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 3] }],
      outputs: [{ name: 'd', dtype: 'float32', shape: ['batch', 2] }],
    })
    const { values } = await run(target(), [1, 1, 1, 1, 0, 0], [2, 3])
    expect(values).toEqual([9.5, 11.5, 1.5, 1.5])
  })

  test("'same' padding puts the odd element at the end", async () => {
    const conv = layer('Conv1D', 'c', {
      filters: 1,
      kernel_size: [2],
      padding: 'same',
      use_bias: false,
      activation: 'linear',
    })
    await compiled(sequential([3, 1], conv), { 'c/kernel': { shape: [2, 1, 1], values: [1, 10] } })
    expect((await run(target(), [1, 2, 3], [1, 3, 1])).values).toEqual([21, 32, 3])
  })

  test('hard_sigmoid is not the same function in Keras 2 and 3', async () => {
    const model = sequential([1], layer('Activation', 'a', { activation: 'hard_sigmoid' }))
    await compiled(model, {}, '2.15.0')
    expect((await run(target(), [1], [1, 1])).values[0]).toBeCloseTo(0.7, 6)
    await compiled(model, {}, '3.15.1')
    expect((await run(target(), [1], [1, 1])).values[0]).toBeCloseTo(2 / 3, 6)
  })

  test('BatchNormalization becomes part of the convolution before it', async () => {
    const one = [1]
    const model = sequential(
      [2, 2, 1],
      layer('Conv2D', 'c', { filters: 1, kernel_size: [1, 1], use_bias: false }),
      layer('BatchNormalization', 'b', { axis: [3], epsilon: 0 }),
    )
    const { nodes } = await compiled(model, {
      'c/kernel': { shape: [1, 1, 1, 1], values: [3] },
      'b/gamma': { shape: one, values: [2] },
      'b/beta': { shape: one, values: [1] },
      'b/moving_mean': { shape: one, values: [4] },
      'b/moving_variance': { shape: one, values: [4] },
    })
    // (3x − 4) / 2 · 2 + 1, between two transpositions that move nothing.
    expect(nodes).toBe(3)
    expect((await run(target(), [0, 1, 2, 3], [1, 2, 2, 1])).values).toEqual([-3, 0, 3, 6])
  })

  test('a maximum over zero padding is not below zero', async () => {
    const model = sequential(
      [1, 1, 1],
      layer('ZeroPadding2D', 'p', {
        padding: [
          [1, 1],
          [1, 1],
        ],
      }),
      layer('MaxPooling2D', 'm', { pool_size: [3, 3], strides: [1, 1], padding: 'valid' }),
    )
    await compiled(model)
    expect((await run(target(), [-5], [1, 1, 1, 1])).values[0]).toBeCloseTo(0, 20)
  })
})

describe('a file is refused with a sentence that names', () => {
  const cases: [string, unknown, Variables, string, string][] = [
    [
      'a layer without its variables',
      sequential([3], dense),
      { 'd/kernel': { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] } },
      'MODEL_UNLOADABLE',
      'no bias for Dense d',
    ],
    [
      'a variable of another shape',
      sequential([4], dense),
      denseVariables,
      'MODEL_UNLOADABLE',
      'kernel of Dense d has the shape [3,2], but its configuration needs [4,2]',
    ],
    [
      'a Lambda layer',
      sequential([3], layer('Lambda', 'twice', { function: ['4wEAAAA', null, null] })),
      {},
      'FORMAT_UNSUPPORTED',
      'Lambda layer twice holds Python code',
    ],
    [
      'a custom layer',
      sequential([3], { ...layer('Wobble', 'w'), module: 'mine', registered_name: 'Mine>Wobble' }),
      {},
      'FORMAT_UNSUPPORTED',
      'custom class "Mine>Wobble"',
    ],
    [
      'an unknown activation',
      sequential([3], layer('Activation', 'a', { activation: 'wavy' })),
      {},
      'FORMAT_UNSUPPORTED',
      'activation wavy',
    ],
    [
      'a model of a custom class',
      { class_name: 'Mine', config: {} },
      {},
      'FORMAT_UNSUPPORTED',
      'Mine',
    ],
    ['nothing that is a model', [], {}, 'MODEL_UNLOADABLE', 'not what Keras writes'],
  ]
  test.each(cases)('%s', async (_, config, variables, code, message) => {
    await expect(compiled(config, variables)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  test('layers that form a circle', async () => {
    const inbound = (name: string) => [[[name, 0, 0, {}]]]
    const relu = (name: string, from: string) => ({
      ...layer('ReLU', name),
      name,
      inbound_nodes: inbound(from),
    })
    const input = { ...layer('InputLayer', 'x', { batch_input_shape: [null, 3] }), name: 'x' }
    const config = {
      name: 'm',
      layers: [{ ...input, inbound_nodes: [] }, relu('a', 'b'), relu('b', 'a')],
      input_layers: [['x', 0, 0]],
      output_layers: [['b', 0, 0]],
    }
    await expect(compiled({ class_name: 'Functional', config })).rejects.toThrow('form a circle')
  })

  test('weights without a model', async () => {
    const file = new Hdf5(`${dir}/weights.h5`, 'w')
    file.create_attribute('layer_names', ['dense'])
    file.close()
    await expect(compileKeras(`${dir}/weights.h5`, target())).rejects.toThrow('weights only')
  })

  test('an HDF5 file of something else', async () => {
    const file = new Hdf5(`${dir}/data.h5`, 'w')
    file.create_group('measurements')
    file.close()
    await expect(compileKeras(`${dir}/data.h5`, target())).rejects.toThrow('no Keras model')
  })

  test('a file that ends too early', async () => {
    const whole = readFileSync(fixture('models/tiny/model.h5'))
    for (const bytes of [0, 100, 2048, 30_000, whole.length - 1]) {
      writeFileSync(`${dir}/cut.h5`, whole.subarray(0, bytes))
      await expect(compileKeras(`${dir}/cut.h5`, target())).rejects.toThrow(/empty|cut off|damaged/)
    }
  })

  test('an archive without a configuration, or cut off', async () => {
    const zip = writeZip(new Map([['metadata.json', Buffer.from('{}')]]))
    writeFileSync(`${dir}/a.keras`, zip)
    await expect(compileKeras(`${dir}/a.keras`, target())).rejects.toThrow('no config.json')
    writeFileSync(`${dir}/a.keras`, zip.subarray(0, zip.length - 10))
    await expect(compileKeras(`${dir}/a.keras`, target())).rejects.toThrow('damaged or cut off')
  })

  test('texts that the HDF5 library would read for ever', async () => {
    const file = await endlessH5(dir, 0)
    await expect(compileKeras(file, target())).rejects.toThrow('its texts cannot be read')
  })

  test('weights that lie in another file of the machine', async () => {
    const other = h5({}, denseVariables)
    renameSync(other, `${dir}/other.h5`)
    const file = new Hdf5(`${dir}/linked.h5`, 'w')
    file.create_attribute('model_config', JSON.stringify(sequential([3], dense)))
    file.create_attribute('keras_version', '2.15.0')
    const group = file.create_group('model_weights').create_group('d')
    group.create_attribute('weight_names', ['d/kernel:0', 'd/bias:0'])
    group.create_external_link(`${dir}/other.h5`, '/model_weights/d/d', 'd')
    file.close()
    await expect(compileKeras(`${dir}/linked.h5`, target())).rejects.toThrow(
      'no kernel for Dense d',
    )
    expect(existsSync(target())).toBe(false)
  })

  test('an archive whose weights are not those that were saved', async () => {
    const weights = readFileSync(fixture('models/tiny/model.h5'))
    const zip = writeZip(
      new Map([
        ['config.json', Buffer.from('{}')],
        ['model.weights.h5', weights],
      ]),
    )
    const at = zip.indexOf(weights.subarray(-1000)) + 500
    zip.writeUInt8(zip.readUInt8(at) ^ 1, at)
    writeFileSync(`${dir}/a.keras`, zip)
    await expect(compileKeras(`${dir}/a.keras`, target())).rejects.toThrow('another checksum')
  })
})
