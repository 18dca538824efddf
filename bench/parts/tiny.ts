import path from 'node:path'

import {
  atLeast,
  type Bench,
  failureCount,
  failuresText,
  ms,
  type PartReport,
} from '../lib/bench.ts'
import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import { CutoverServer, saysReady } from '../lib/cutover-server.ts'
import { tinyRegistry } from '../lib/registry.ts'
import { median } from '../lib/statistics.ts'
import { LoadGenerator, type LoadRecord } from '../load/load-generator.ts'

const CONNECTIONS = 32
const CORES = '0,1'
const ENGINES = 2
const BATCHING = { sizeMax: CONNECTIONS }
const WARMUP_SECONDS = 3
const BODY = JSON.stringify({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [0.5, 1.5, -2.5, 3.5] }],
})

interface Round {
  readonly echo: LoadRecord
  readonly v2: LoadRecord
  /** The same where requests share runs. */
  readonly batched: LoadRecord
}

/** Requests so small that the model's time is nothing: what is left is the server's own cost. */
export async function tiny(bench: Bench): Promise<PartReport> {
  const { options, workDir } = bench
  const load = await LoadGenerator.start(CORES)
  const serve = (name: string, batching?: typeof BATCHING) => {
    const dir = path.join(workDir, name)
    const registry = tinyRegistry(path.join(dir, 'models'), batching)
    return CutoverServer.start(
      { registry, engines: ENGINES, workDir: dir, cores: CORES },
      saysReady,
    )
  }
  const server = await serve('tiny')
  const batched = await serve('tiny-batched', BATCHING)
  const echo = forkOwned(new URL('../echo/main.ts', import.meta.url), { cores: CORES })
  try {
    const url = `http://127.0.0.1:${server.port}/v2/models/tiny/infer`
    const answer = await fetch(url, { method: 'POST', body: BODY })
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (!answer.ok) throw new Error(`the server answered ${answer.status} ${bytes.toString()}`)
    await nextMessage(echo, 'ready', 30_000)
    echo.send({ answer: bytes })
    const { port } = await nextMessage<{ kind: 'listening'; port: number }>(echo, 'listening', 5000)
    const run = (to: number, seconds: number) =>
      load.run({
        port: to,
        connections: CONNECTIONS,
        seconds,
        exchange: { request: requestTo(to), expected: { kind: 'body', bytes } },
      })
    for (const to of [server.port, batched.port, port]) await run(to, WARMUP_SECONDS)
    const rounds: Round[] = []
    for (let round = 1; round <= options.rounds; round++) {
      bench.progress(`tiny tensors, round ${round} of ${options.rounds}`)
      rounds.push({
        echo: await run(port, options.seconds),
        v2: await run(server.port, options.seconds),
        batched: await run(batched.port, options.seconds),
      })
    }
    return report(rounds)
  } finally {
    await Promise.all([server.stop(), batched.stop(), stop(echo, 1000), load.stop()])
  }
}

function report(rounds: readonly Round[]): PartReport {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick))
  const v2 = over((round) => round.v2.perSecond)
  const batched = over((round) => round.batched.perSecond)
  const records = rounds.flatMap((round) => [round.v2, round.batched, round.echo])
  return {
    title: `1×4 FP32 at c=${CONNECTIONS} on two cores with the load generator; medians`,
    rows: [
      {
        what: 'node:http that only answers',
        value: `${over((round) => round.echo.perSecond).toFixed(0)}/s`,
      },
      { what: 'V2, JSON', value: `${v2.toFixed(0)}/s`, bar: atLeast(20_000, v2, '/s') },
      {
        what: 'V2, JSON: p50, p99',
        value: `${ms(over((round) => round.v2.percentileMs(0.5)))}, ${ms(over((round) => round.v2.percentileMs(0.99)))}`,
      },
      {
        what: 'V2, JSON, requests share runs',
        value: `${batched.toFixed(0)}/s`,
        bar: atLeast(20_000, batched, '/s'),
      },
      {
        what: 'the one and the other / node:http',
        value: [
          over((round) => round.v2.perSecond / round.echo.perSecond),
          over((round) => round.batched.perSecond / round.echo.perSecond),
        ]
          .map((ratio) => ratio.toFixed(2))
          .join(', '),
      },
      {
        what: 'CPU of the load generator',
        value: `${over((round) => round.v2.cpuMicrosecondsPerRequest).toFixed(0)} µs a request`,
      },
      {
        what: 'failed requests',
        value: failuresText(records),
        bar: { text: '≤ 0', met: failureCount(records) === 0 },
      },
    ],
    data: {
      tiny: rounds.map((round) => ({
        echo: round.echo.perSecond,
        v2: round.v2.perSecond,
        batched: round.batched.perSecond,
      })),
    },
  }
}

function requestTo(port: number): Buffer {
  return Buffer.from(
    `POST /v2/models/tiny/infer HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(BODY)}\r\n\r\n${BODY}`,
  )
}
