import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'

import { compileInChild } from '../../test/keras-oracle/compile-child.ts'
import { atMost, mb, type PartReport, type Row } from '../lib/bench.ts'
import { REPOSITORY } from '../lib/options.ts'
import { median } from '../lib/statistics.ts'

const TIMEOUT_MS = 60_000
const MEMORY_RATIO_MAX = 3

/** What the project promises for these, in seconds from the command to its end. */
const SECONDS_MAX: Readonly<Record<string, number>> = { MobileNetV2: 1, ResNet50: 3 }

interface Compiled {
  readonly name: string
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly memoryBytes: number
  readonly compilerMemoryBytes: number
}

/** `cutover compile` of MobileNetV2 and ResNet50 in both formats: time and the most memory. */
export async function compile(
  families: string,
  { workDir, rounds }: { workDir: string; rounds: number },
  progress: (what: string) => void,
): Promise<PartReport> {
  const rows: Row[] = []
  const data: Compiled[] = []
  const floor = floorBytes()
  for (const [family, secondsMax] of Object.entries(SECONDS_MAX)) {
    for (const format of ['h5', 'keras']) {
      const file = path.join(families, `keras-${family}`, `model.${format}`)
      if (!existsSync(file)) continue
      progress(`compile ${family}.${format}`)
      const one = await measure(file, path.join(workDir, 'compiled.onnx'), rounds)
      const name = `${family}.${format}, ${mb(one.bytes)}`
      data.push({ name, ...one })
      rows.push({
        what: name,
        value: `${one.seconds.toFixed(2)} s, of the CPUs ${one.cpuSeconds.toFixed(2)} s`,
        bar: atMost(secondsMax, one.seconds, ' s'),
      })
      const ratio = one.compilerMemoryBytes / one.bytes
      const above = (one.compilerMemoryBytes - floor) / one.bytes
      rows.push({
        what: `${name}, memory`,
        value:
          `${mb(one.compilerMemoryBytes)} (${ratio.toFixed(1)} × the file); ` +
          `${above.toFixed(1)} × above what Node and HDF5 take alone, ${mb(floor)}; ` +
          `with the command ${mb(one.memoryBytes)}`,
        bar: atMost(MEMORY_RATIO_MAX, ratio, ' ×'),
      })
    }
  }
  return {
    title: '`cutover compile`, from start to end of the process; medians',
    rows,
    data: { data, floorBytes: floor },
  }
}

/** The most memory of a Node process that loads the HDF5 library and does nothing. Linux. */
function floorBytes(): number {
  const program = `
    import { readFileSync } from 'node:fs'
    import { ready } from 'h5wasm/node'
    await ready
    console.log(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])`
  const args = ['--max-semi-space-size=1', '--input-type=module', '--eval', program]
  const options = { cwd: REPOSITORY, encoding: 'utf8', timeout: TIMEOUT_MS } as const
  return Number(execFileSync(process.execPath, args, options)) * 1024
}

async function measure(file: string, output: string, rounds: number) {
  const runs = []
  for (let round = 0; round < rounds; round++) {
    const run = await compileInChild(file, output, TIMEOUT_MS)
    if (run.exitCode !== 0) throw new Error(`cutover compile ${file}: ${run.stderr}`)
    runs.push(run)
  }
  return {
    bytes: statSync(file).size,
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
    compilerMemoryBytes: median(runs.map(({ compilerMemoryBytes }) => compilerMemoryBytes)),
    memoryBytes: median(runs.map(({ memoryBytes }) => memoryBytes)),
  }
}
