import { describe, expect, test } from 'vitest'

import type { ModelFormat } from '../../src/domain/manifest.ts'
import { detectFormat } from '../../src/registry/detect-format.ts'

const GRAPH = { format: 'graph-model', modelTopology: { node: [] } }
const LAYERS = { modelTopology: { model_config: {} }, format: 'layers-model' }

function detect(paths: string[], { stated, json }: { stated?: ModelFormat; json?: unknown } = {}) {
  return detectFormat(paths, stated, async () => json)
}

describe('a format is told by the names of files', () => {
  test.each([
    [['net.onnx'], 'onnx', 'net.onnx'],
    [['labels.json', 'model.onnx', 'model.onnx.data'], 'onnx', 'model.onnx'],
    [['a.onnx', 'b.onnx', 'model.onnx'], 'onnx', 'model.onnx'],
    [['NET.ONNX'], 'onnx', 'NET.ONNX'],
    [['saved_model.pb', 'variables/variables.index', 'assets/x.onnx'], 'saved-model', ''],
    [['exported/1/saved_model.pb', 'README'], 'saved-model', 'exported/1'],
    [['model.h5'], 'keras', 'model.h5'],
    [['net.keras', 'readme.md'], 'keras', 'net.keras'],
  ])('%j', async (paths, format, entry) => {
    expect(await detect(paths)).toEqual({ format, entry })
  })

  test.each([
    [GRAPH, 'tfjs-graph'],
    [LAYERS, 'tfjs-layers'],
    [{ modelTopology: { node: [{}] } }, 'tfjs-graph'],
    [{ modelTopology: { class_name: 'Sequential' } }, 'tfjs-layers'],
  ])('and, of a model.json, by its content %j', async (json, format) => {
    const paths = ['model.json', 'group1-shard1of1.bin']
    expect(await detect(paths, { json })).toEqual({ format, entry: 'model.json' })
  })

  test('unless the manifest states it', async () => {
    const paths = ['model.onnx', 'saved_model.pb', 'model.json']
    const stated = (format: ModelFormat) => detect(paths, { stated: format, json: GRAPH })
    expect(await stated('onnx')).toEqual({ format: 'onnx', entry: 'model.onnx' })
    expect(await stated('saved-model')).toEqual({ format: 'saved-model', entry: '' })
    expect(await stated('tfjs-graph')).toEqual({ format: 'tfjs-graph', entry: 'model.json' })
    await expect(stated('tfjs-layers')).rejects.toThrow('is tfjs-graph, but manifest.json says')
    await expect(stated('keras')).rejects.toThrow('no keras model among the files')
  })
})

describe('a format is refused with what to do', () => {
  test.each([
    [[], 'no model among the files'],
    [['readme.txt', 'weights.bin'], 'no model among the files'],
    [['a.onnx', 'b.onnx'], 'more than one model among the files (a.onnx, b.onnx): keep one'],
    [['model.onnx', 'saved_model.pb'], 'state its format in manifest.json'],
    [['model.onnx', 'model.h5'], 'state its format in manifest.json'],
    [Array.from({ length: 9 }, (_, i) => `${i}.onnx`), '4 more'],
  ])('%j', async (paths, sentence) => {
    const failure = detect(paths)
    await expect(failure).rejects.toThrow(sentence)
    await expect(failure).rejects.toMatchObject({ code: 'FORMAT_UNSUPPORTED' })
  })

  test.each([[{}], [null], ['x'], [{ steps: [{ weight: 5 }] }]])(
    'a model.json that is none: %j',
    async (json) => {
      await expect(detect(['model.json'], { json })).rejects.toThrow('no TensorFlow.js model')
    },
  )
})
