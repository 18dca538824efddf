import * as ort from 'onnxruntime-node'

import type { WrittenTensor } from './cases.ts'

export interface Output {
  readonly shape: readonly number[]
  readonly values: Float64Array
}

const DECODERS = {
  float32: (bytes: ArrayBuffer) => new Float32Array(bytes),
  float64: (bytes: ArrayBuffer) => new Float64Array(bytes),
  int32: (bytes: ArrayBuffer) => new Int32Array(bytes),
  int64: (bytes: ArrayBuffer) => new BigInt64Array(bytes),
  uint8: (bytes: ArrayBuffer) => new Uint8Array(bytes),
  bool: (bytes: ArrayBuffer) => new Uint8Array(bytes),
} as const

function elementsOf({ dtype, data }: WrittenTensor) {
  if (!Object.hasOwn(DECODERS, dtype)) throw new Error(`no reader for elements of ${dtype}`)
  return DECODERS[dtype as keyof typeof DECODERS](
    Uint8Array.from(Buffer.from(data, 'base64')).buffer,
  )
}

export function decode(written: WrittenTensor): Output {
  return { shape: written.shape, values: Float64Array.from(elementsOf(written), Number) }
}

/** The first `batch` rows of a tensor. */
export function rows(written: WrittenTensor, batch: number): WrittenTensor {
  const bytes = Buffer.from(written.data, 'base64')
  const [all = 1, ...rest] = written.shape
  const kept = bytes.subarray(0, (bytes.length / all) * batch)
  return { dtype: written.dtype, shape: [batch, ...rest], data: kept.toString('base64') }
}

/** Runs a model on `inputs`, in the order of its inputs, and gives its outputs in their order. */
export async function runOnnx(file: string, inputs: readonly WrittenTensor[]): Promise<Output[]> {
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  try {
    const feeds = session.inputNames.map((name, index): [string, ort.Tensor] => {
      const input = inputs[index]
      if (input === undefined) throw new Error(`the model has more inputs than Keras' own: ${name}`)
      return [
        name,
        new ort.Tensor(input.dtype as 'float32', elementsOf(input) as Float32Array, input.shape),
      ]
    })
    const answers = await session.run(Object.fromEntries(feeds))
    return session.outputNames.map((name) => {
      const answer = answers[name]
      if (answer === undefined) throw new Error(`no output ${name}`)
      return { shape: answer.dims, values: Float64Array.from(answer.data as Float32Array, Number) }
    })
  } finally {
    await session.release()
  }
}
