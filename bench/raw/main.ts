import * as ort from 'onnxruntime-node'

import type * as ImagePlanModule from '../../src/domain/image-plan.ts'
import type * as DecodeModule from '../../src/worker/image/decode.ts'
import type * as PreprocessModule from '../../src/worker/image/preprocess.ts'
import { IMAGE_SETTINGS, PHOTO, PHOTO_CLASS } from '../lib/photo.ts'
import { MODEL_FILE } from '../lib/registry.ts'
import type { RawCommand, RawMessage } from './protocol.ts'

/**
 * One raw-limit process: the decode and resize that engines run and the runtime with one thread,
 * in a loop without HTTP, frames or processes in between. It runs the compiled code, as engines do.
 */
const dist = new URL('../../dist/', import.meta.url)
const compiled = (file: string): Promise<unknown> => import(new URL(file, dist).href)
const { planImage } = (await compiled('domain/image-plan.js')) as typeof ImagePlanModule
const { decodeImage } = (await compiled('worker/image/decode.js')) as typeof DecodeModule
const { toTensor } = (await compiled('worker/image/preprocess.js')) as typeof PreprocessModule

const WARMUP_IMAGES = 50

const session = await ort.InferenceSession.create(MODEL_FILE, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: 3,
})
const plan = planImage(IMAGE_SETTINGS, {
  inputs: [{ name: 'image', dtype: 'float32', shape: ['batch', 224, 224, 3] }],
  outputs: [],
})
if (plan.kind === 'refused') throw new Error(plan.reason)

async function preprocess(): Promise<Uint8Array> {
  if (plan.kind === 'refused') throw new Error(plan.reason)
  const decoded = await decodeImage(PHOTO, plan, { pixelsMax: 50_000_000 })
  return toTensor(decoded, plan).data
}

const preprocessed = await preprocess()

async function classify(data: Uint8Array): Promise<void> {
  if (plan.kind === 'refused') return
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)
  const outputs = await session.run({ image: new ort.Tensor('float32', values, plan.shape) })
  const probabilities = outputs['probabilities']?.data as Float32Array
  const best = probabilities.indexOf(Math.max(...probabilities))
  if (best !== PHOTO_CLASS) throw new Error(`the raw loop answered ${best}, not ${PHOTO_CLASS}`)
}

async function measure({ seconds, inFlight, input }: RawCommand): Promise<RawMessage> {
  const startedAt = performance.now()
  const latencies: number[] = []
  const loop = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1000) {
      const imageAt = performance.now()
      await classify(input === 'tensor' ? preprocessed : await preprocess())
      latencies.push(performance.now() - imageAt)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
  const elapsedSeconds = (performance.now() - startedAt) / 1000
  return {
    kind: 'result',
    imagesPerSecond: latencies.length / elapsedSeconds,
    latenciesMs: Float64Array.from(latencies),
  }
}

const send = (message: RawMessage): void => void process.send?.(message)

for (let image = 0; image < WARMUP_IMAGES; image++) await classify(await preprocess())
process.on('disconnect', () => process.exit(0))
process.on('message', (command: RawCommand) => void measure(command).then(send))
send({ kind: 'ready' })
