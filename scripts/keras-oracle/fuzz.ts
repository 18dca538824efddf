import { parseArgs } from 'node:util'

import { oracleFiles } from '../../test/keras-oracle/cases.ts'
import { judge, type Judged } from '../../test/keras-oracle/fuzz.ts'
import { mutant } from '../../test/keras-oracle/mutations.ts'

/**
 * node --import tsx scripts/keras-oracle/fuzz.ts [--files N] [--first N] [--at-once N]
 *
 * Compiles mutated Keras files with the built `cutover compile` and prints how it ended. Exits
 * with 1 when one of them crashed it, took over 10 s or 1 GB, or got no sentence.
 */
const TIMEOUT_MS = 10_000

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '500' },
    first: { type: 'string', default: '0' },
    'at-once': { type: 'string', default: '3' },
  },
})
const first = Number(values.first)
const numbers = Array.from({ length: Number(values.files) }, (_, index) => first + index)
const count = numbers.length
const files = oracleFiles().filter(({ refuses }) => refuses === undefined)
const judged: Judged[] = []

async function work(): Promise<void> {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
    const result = await judge(await mutant(files, number), TIMEOUT_MS)
    judged.push(result)
    if (result.fault !== undefined) print(`FAULT ${result.mutant.name}\n  ${result.fault}`)
    if (judged.length % 50 === 0) print(`${judged.length} of ${count}`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

await Promise.all(Array.from({ length: Number(values['at-once']) }, work))
const faults = judged.filter(({ fault }) => fault !== undefined).length
const compiled = judged.filter(({ exitCode }) => exitCode === 0).length
const most = (pick: (one: Judged) => number): number =>
  Math.max(...judged.map(pick).filter((value) => !Number.isNaN(value)))
print(
  `${judged.length} files: ${faults} faults, ${compiled} compiled, ` +
    `${judged.length - faults - compiled} refused in a sentence; ` +
    `at most ${most(({ seconds }) => seconds).toFixed(1)} s and ` +
    `${(most(({ memoryBytes }) => memoryBytes) / 1e6).toFixed(0)} MB`,
)
const slowest = judged.toSorted((a, b) => b.seconds - a.seconds).slice(0, 3)
for (const { mutant: one, seconds } of slowest) print(`slow: ${seconds.toFixed(1)} s, ${one.name}`)
process.exit(faults === 0 ? 0 : 1)
