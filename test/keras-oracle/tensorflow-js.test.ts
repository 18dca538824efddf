import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { Tensor } from '@tensorflow/tfjs-node'
import { expect, test } from 'vitest'

import { compileKeras } from '../../src/keras/compile.ts'
import { loadRuntime } from '../../src/worker/backends/tensorflow/runtime.ts'
import { type OracleFile, oracleFiles } from './cases.ts'
import { relativeDifference } from './compare.ts'
import { layersModelOf } from './layers-model.ts'
import { decode, type Output, runOnnx } from './run-onnx.ts'

/**
 * A second oracle: the layers of TensorFlow.js, written by others than Keras and us. It cannot load
 * every model; most it can.
 */
const LOADED_MIN = 100
const DIFFERENCE_MAX = 1e-5

/** Where TensorFlow.js 4.22 itself differs from Keras. */
const DIFFERS_FROM_KERAS =
  /^(Conv2DTranspose-(output-padding-valid|dilated|dilated-same)|DepthwiseConv2D-dilated-same|Embedding-mask-pooled|ReLU-(slope|threshold|everything)|UpSampling2D-bilinear(-differ)?|dtype-.*)\./

const { tf } = loadRuntime('cpu', 1)

/** Undefined: TensorFlow.js does not know a layer or an option. */
async function answersOfTensorFlowJs(
  file: string,
  { inputs }: OracleFile,
): Promise<Output[] | undefined> {
  try {
    const model = await tf.loadLayersModel(tf.io.fromMemory(await layersModelOf(file)))
    const given = inputs.map((input) => {
      const { values, shape } = decode(input)
      return tf.tensor([...values], [...shape], input.dtype as 'float32')
    })
    const [only] = given
    const answers = model.predict(given.length === 1 && only !== undefined ? only : given)
    return [answers].flat().map((answer: Tensor) => ({
      shape: answer.shape,
      values: Float64Array.from(answer.dataSync()),
    }))
  } catch {
    return undefined
  }
}

test('compiled models answer what TensorFlow.js answers', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cutover-tfjs-'))
  try {
    const files = oracleFiles().filter(
      ({ name, refuses }) =>
        name.endsWith('.tf_keras.h5') && refuses === undefined && !DIFFERS_FROM_KERAS.test(name),
    )
    const differing: string[] = []
    let loaded = 0
    for (const file of files) {
      const source = path.join(dir, 'model.h5')
      writeFileSync(source, file.bytes)
      const theirs = await answersOfTensorFlowJs(source, file)
      if (theirs === undefined) continue
      loaded += 1
      const target = path.join(dir, `${loaded}.onnx`)
      await compileKeras(source, target)
      const ours = await runOnnx(target, file.inputs)
      const differences = theirs.map((answer, index) => {
        const other = ours[index]
        return other === undefined ? Infinity : relativeDifference(other, answer)
      })
      if (Math.max(...differences) > DIFFERENCE_MAX) differing.push(file.name)
    }
    expect(differing).toEqual([])
    expect(loaded).toBeGreaterThanOrEqual(LOADED_MIN)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
