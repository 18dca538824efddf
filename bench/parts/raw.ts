import { type Bench, ms, type PartReport, perSecond } from '../lib/bench.ts'
import { median } from '../lib/statistics.ts'
import { RawLimit } from '../raw/raw-limit.ts'

/** What the machine gives at most: the work of a request and nothing around it. */
export async function raw({ options, progress }: Bench): Promise<PartReport> {
  const limit = await RawLimit.start(options.engines)
  const imagesPerSecond: number[] = []
  const oneImageMs: number[] = []
  try {
    for (let round = 1; round <= options.rounds; round++) {
      progress(`raw limit, round ${round} of ${options.rounds}`)
      imagesPerSecond.push(await limit.imagesPerSecond(options.seconds))
      oneImageMs.push(await limit.oneImageMs(options.seconds))
    }
  } finally {
    await limit.stop()
  }
  return {
    title: 'Raw limit: decode, resize, inference in a loop',
    rows: [
      {
        what: `${options.engines} processes, 1 thread each`,
        value: perSecond(median(imagesPerSecond)),
      },
      { what: 'one image, 1 process, 1 thread', value: ms(median(oneImageMs)) },
    ],
    data: { imagesPerSecond, oneImageMs },
  }
}
