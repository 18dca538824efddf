import { fileURLToPath } from 'node:url'

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { ImageSettings } from '../../../src/domain/manifest.ts'
import { decodeImage } from '../../../src/worker/image/decode.ts'
import { toTensor } from '../../../src/worker/image/preprocess.ts'
import { fixture, PIXELS_MAX, planFor } from './support.ts'

type Ranking = readonly (readonly [index: number, label: string, probability: number])[]

const { _how, ...photos } = JSON.parse(fixture('images/expected.json').toString()) as Record<
  string,
  { readonly crop_top5: Ranking; readonly squash_top5: Ranking }
>

/** The weights here are float16, those behind the expected probabilities float32. */
const TOLERANCE = 5e-3

let session: InferenceSession

beforeAll(async () => {
  const model = new URL('../../../models/efficientnet-lite/1/model.onnx', import.meta.url)
  session = await InferenceSession.create(fileURLToPath(model), { intraOpNumThreads: 2 })
})

afterAll(async () => {
  await session.release()
})

async function probabilitiesOf(photo: string, settings: ImageSettings): Promise<Float32Array> {
  const plan = planFor({ ...settings, mean: [127], std: [128] }, [null, 224, 224, 3])
  const image = await decodeImage(fixture(`images/photos/${photo}`), plan, {
    pixelsMax: PIXELS_MAX,
  })
  const { data, shape } = toTensor(image, plan)
  const input = new Tensor('float32', new Float32Array(data.buffer), shape)
  const { probabilities } = await session.run({ image: input })
  return probabilities?.data as Float32Array
}

describe.each(Object.keys(photos))('EfficientNet-Lite on %s', (photo) => {
  it.each([
    ['crop_top5', { resize: 'pillow-bicubic', crop: 0.875 }],
    ['squash_top5', { resize: 'pillow-bilinear' }],
  ] as const)('%s', async (ranking, settings) => {
    const probabilities = await probabilitiesOf(photo, settings)
    const expected = photos[photo]?.[ranking] ?? []
    expect(expected).toHaveLength(5)
    expect(probabilities.indexOf(Math.max(...probabilities))).toBe(expected[0]?.[0])
    for (const [index, , probability] of expected) {
      expect(Math.abs((probabilities[index] ?? NaN) - probability)).toBeLessThan(TOLERANCE)
    }
  })
})
