import path from 'node:path'

import type * as PoolModule from '../../src/engine/pool.ts'
import { MODEL_FILE } from '../lib/registry.ts'
import type { DirectCommand, DirectMessage } from './protocol.ts'

/**
 * The server's own engines and the queue before them, fed with an image tensor from a loop: what
 * is left of the server without HTTP. It runs the compiled code, as the server does.
 */
const compiled = new URL('../../dist/engine/pool.js', import.meta.url).href
const { EnginePool } = (await import(compiled)) as typeof PoolModule

const [engines = 1] = process.argv.slice(2).map(Number)
const SHAPE = [1, 224, 224, 3]
const pixels = Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => ((i % 255) - 127) / 128)
const inputs = new Map([
  ['image', { dtype: 'float32', shape: SHAPE, data: new Uint8Array(pixels.buffer) } as const],
])

const pool = await EnginePool.start(
  {
    engines,
    inflightPerEngineMax: 3,
    queueLengthMax: 1000,
    threadsAlone: 0,
    occupancy: { inflight: 0 },
    engine: {
      load: {
        kind: 'load',
        dir: path.dirname(MODEL_FILE),
        entry: path.basename(MODEL_FILE),
        format: 'onnx',
        threads: 1,
        threadsAlone: 0,
        device: 'cpu',
        pixelsMax: 50_000_000,
      },
      loadTimeoutMs: 60_000,
      runTimeoutMs: 30_000,
      memoryBytesMax: 4e9,
      nice: 0,
    },
    observer: {
      engineStarted: () => {},
      engineEnded: () => {},
      requestRetried: () => {},
      requestPoisonous: () => {},
    },
  },
  new AbortController().signal,
)

async function measure({ seconds, inFlight }: DirectCommand): Promise<DirectMessage> {
  const startedAt = performance.now()
  let answers = 0
  const loop = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1000) {
      await pool.run({ kind: 'tensors', inputs }, { deadlineMs: 30_000 })
      answers++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
  return { kind: 'result', perSecond: (1000 * answers) / (performance.now() - startedAt) }
}

const send = (message: DirectMessage): void => void process.send?.(message)
process.on('disconnect', () => process.exit(0))
process.on('message', (command: DirectCommand) => void measure(command).then(send))
send({ kind: 'ready' })
