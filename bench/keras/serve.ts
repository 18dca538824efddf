import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { FlaskService } from '../flask/service.ts'
import { setUpFlask } from '../flask/setup.ts'
import { atLeast, perSecond, type PartReport } from '../lib/bench.ts'
import { CutoverServer } from '../lib/cutover-server.ts'
import { median } from '../lib/statistics.ts'
import { LoadGenerator } from '../load/load-generator.ts'

const TIMES_MIN = 6
const CONNECTIONS = [1, 8, 32] as const
/** The Flask service has as many workers. */
const ENGINES = 2

export interface ServeOptions {
  readonly flaskModel: string | undefined
  /** A folder of JPEGs; undefined: classes are not compared. */
  readonly photos: string | undefined
  readonly workDir: string
  readonly rounds: number
  readonly seconds: number
}

/** `cutover serve model.h5` beside the Flask service that loads the same file with Keras. */
export async function serve(
  options: ServeOptions,
  progress: (what: string) => void,
): Promise<PartReport> {
  const { workDir, photos } = options
  const setup = await setUpFlask(options.flaskModel, progress)
  const load = await LoadGenerator.start()
  const cutover = await CutoverServer.start({
    registry: setup.modelFile,
    engines: ENGINES,
    workDir,
  })
  try {
    const flask = await FlaskService.start(setup, workDir)
    try {
      const classes = photos === undefined ? [] : await compareClasses(photos, flask, cutover)
      const same = classes.filter((one) => one.flask === one.cutover).length
      const rates = await compareRates(options, load, { flask, cutover }, progress)
      return {
        title: 'The same model.h5: the Flask service with 2 workers → cutover with 2 engines',
        rows: [
          ...rates.map(({ connections, flask: before, cutover: after, times }) => ({
            what: `c=${connections}`,
            value: `${perSecond(before)} → ${perSecond(after)} (${times.toFixed(1)} ×)`,
            // One connection waits for one answer at a time: that is no throughput.
            ...(connections > 1 && { bar: atLeast(TIMES_MIN, times, ' ×') }),
          })),
          {
            what: 'same class_index',
            value:
              photos === undefined
                ? 'not compared: --photos names none'
                : `${same} of ${classes.length} photos`,
            ...(photos !== undefined && {
              bar: { text: 'all', met: classes.length > 0 && same === classes.length },
            }),
          },
        ],
        data: { rates, classes },
      }
    } finally {
      await flask.stop()
    }
  } finally {
    await cutover.stop()
    await load.stop()
  }
}

async function compareClasses(
  photos: string,
  flask: { readonly port: number },
  cutover: { readonly port: number },
) {
  const names = readdirSync(photos).filter((name) => /\.jpe?g$/i.test(name))
  const classes = []
  for (const name of names.sort()) {
    const photo = readFileSync(path.join(photos, name))
    const [a, b] = [await classOf(flask.port, photo), await classOf(cutover.port, photo)]
    classes.push({ name, flask: a, cutover: b })
  }
  return classes
}

async function classOf(port: number, photo: Buffer): Promise<number> {
  const form = new FormData()
  form.set('image', new Blob([new Uint8Array(photo)], { type: 'image/jpeg' }), 'photo.jpg')
  const answer = await fetch(`http://127.0.0.1:${port}/predict`, {
    method: 'POST',
    body: form,
    signal: AbortSignal.timeout(30_000),
  })
  const { class_index: index } = (await answer.json()) as { class_index?: number }
  return index ?? Number.NaN
}

async function compareRates(
  { rounds, seconds }: ServeOptions,
  load: LoadGenerator,
  services: { readonly flask: FlaskService; readonly cutover: CutoverServer },
  progress: (what: string) => void,
) {
  const rates = []
  for (const connections of CONNECTIONS) {
    const pairs: { flask: number; cutover: number }[] = []
    for (let round = 1; round <= rounds; round++) {
      progress(`c=${connections}, round ${round} of ${rounds}`)
      const before = await load.run({ port: services.flask.port, connections, seconds })
      const after = await load.run({ port: services.cutover.port, connections, seconds })
      if (after.failures.length > 0) throw new Error(`${after.failures.length} requests failed`)
      pairs.push({ flask: before.perSecond, cutover: after.perSecond })
    }
    rates.push({
      connections,
      flask: median(pairs.map(({ flask }) => flask)),
      cutover: median(pairs.map(({ cutover }) => cutover)),
      times: median(pairs.map(({ flask, cutover }) => cutover / flask)),
    })
  }
  return rates
}
