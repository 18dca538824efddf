import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

import * as ort from 'onnxruntime-node'

import { compileKeras } from '../../src/keras/compile.ts'
import { atMost, ms, type PartReport } from '../lib/bench.ts'
import { median } from '../lib/statistics.ts'

const WARMUP_RUNS = 10
const RATIO_MAX = 1.1

interface Measured {
  readonly name: string
  readonly threads: number
  readonly exportedMs: number
  readonly compiledMs: number
  /** The median over pairs of neighbouring runs: what slows the machine slows both. */
  readonly ratio: number
  /** The same of CPU time: with one thread, what the ratio is when nobody else is at work. */
  readonly cpuRatio: number
}

interface Run {
  readonly ms: number
  readonly cpuMs: number
}

/** Each network of `families` as cutover compiles it and as tf2onnx exports it, one image. */
export async function latency(
  families: string,
  { workDir, rounds }: { workDir: string; rounds: number },
  progress: (what: string) => void,
): Promise<PartReport> {
  const measured: Measured[] = []
  for (const name of readdirSync(families).sort()) {
    const exported = path.join(families, name, 'model.onnx')
    if (!existsSync(exported)) continue
    if (!(await loads(exported))) {
      progress(`${name}: tf2onnx has exported operators that onnxruntime does not have`)
      continue
    }
    const compiled = path.join(workDir, `${name}.onnx`)
    await compileKeras(path.join(families, name, 'model.h5'), compiled)
    for (const threads of [1, 2]) {
      progress(`${name}, ${threads} thread(s)`)
      measured.push({ name, threads, ...(await pairs(exported, compiled, threads, rounds)) })
    }
  }
  return {
    title: 'One image on onnxruntime: exported by tf2onnx → compiled by cutover; medians',
    rows: measured.map(({ name, threads, exportedMs, compiledMs, ratio, cpuRatio }) => {
      const times = `${ms(exportedMs)} → ${ms(compiledMs)} (${ratio.toFixed(2)} ×)`
      return threads === 1
        ? {
            what: `${name}, 1 thread`,
            value: `${times}, CPU time ${cpuRatio.toFixed(2)} ×`,
            bar: atMost(RATIO_MAX, cpuRatio, ' ×'),
          }
        : { what: `${name}, ${threads} threads`, value: times, bar: atMost(RATIO_MAX, ratio, ' ×') }
    }),
    data: { measured },
  }
}

async function pairs(exported: string, compiled: string, threads: number, rounds: number) {
  const a = await open(exported, threads)
  const b = await open(compiled, threads)
  for (let run = 0; run < WARMUP_RUNS; run++) {
    await a.time()
    await b.time()
  }
  const runs: [Run, Run][] = []
  for (let round = 0; round < rounds; round++) {
    // Neither is always the first.
    const first = round % 2 === 0 ? await a.time() : await b.time()
    const second = round % 2 === 0 ? await b.time() : await a.time()
    runs.push(round % 2 === 0 ? [first, second] : [second, first])
  }
  await a.session.release()
  await b.session.release()
  return {
    exportedMs: median(runs.map(([{ ms }]) => ms)),
    compiledMs: median(runs.map(([, { ms }]) => ms)),
    ratio: median(runs.map(([theirs, ours]) => ours.ms / theirs.ms)),
    cpuRatio: median(runs.map(([theirs, ours]) => ours.cpuMs / theirs.cpuMs)),
  }
}

async function loads(file: string): Promise<boolean> {
  try {
    await (await ort.InferenceSession.create(file, { logSeverityLevel: 4 })).release()
    return true
  } catch {
    return false
  }
}

async function open(file: string, threads: number) {
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  })
  const feeds = Object.fromEntries(session.inputMetadata.map(feedOf))
  const time = async (): Promise<Run> => {
    const startedAt = performance.now()
    const cpuAt = process.cpuUsage()
    await session.run(feeds)
    const { user, system } = process.cpuUsage(cpuAt)
    return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1000 }
  }
  return { session, time }
}

/** tf2onnx makes inputs of some constants, too. */
function feedOf(metadata: ort.InferenceSession.ValueMetadata): [string, ort.Tensor] {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is no tensor`)
  // The batch is open, and in some networks the size is, too.
  const shape = metadata.shape.map((dimension, axis) =>
    typeof dimension === 'number' && dimension > 0 ? dimension : axis === 0 ? 1 : 224,
  )
  const count = shape.reduce((product, size) => product * size, 1)
  const values = Float32Array.from({ length: count }, (_, index) => Math.sin(index))
  return [metadata.name, new ort.Tensor('float32', values, shape)]
}
