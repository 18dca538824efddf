import type { ChildProcess } from 'node:child_process'

import type { DirectCommand, DirectMessage } from '../direct/protocol.ts'
import {
  atLeast,
  atMost,
  type Bench,
  failureCount,
  failuresText,
  type PartReport,
  perSecond,
} from '../lib/bench.ts'
import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import { CutoverServer } from '../lib/cutover-server.ts'
import { Registry } from '../lib/registry.ts'
import { median } from '../lib/statistics.ts'
import type { LoadRecord } from '../load/load-generator.ts'
import { RawLimit } from '../raw/raw-limit.ts'

const CONNECTIONS = 16
const SHAPE = [1, 224, 224, 3]
const ELEMENTS = 224 * 224 * 3
const READY_TIMEOUT_MS = 60_000
const STOP_GRACE_MS = 1_000

interface Round {
  /** The runtime alone. */
  readonly rawPerSecond: number
  /** The engines, fed from a loop. */
  readonly directPerSecond: number
  readonly load: LoadRecord
}

/**
 * An image as a tensor of 602 KB, in binary over V2, against the same engines fed with it directly.
 * With one engine the rest of the cores is for the server and the load generator: that shows whether
 * the way to an engine holds it up. With an engine on every core it shows what that way costs.
 */
export async function tensor(bench: Bench): Promise<PartReport> {
  const one = await measured(bench, 1)
  const all = await measured(bench, bench.options.engines)
  return report(one, all)
}

async function measured(bench: Bench, engines: number): Promise<Round[]> {
  const { options, workDir, load } = bench
  const limit = await RawLimit.start(engines)
  const direct = forkOwned(new URL('../direct/main.ts', import.meta.url), {
    args: [String(engines)],
  })
  const registry = new Registry(`${workDir}/tensor-${engines}`)
  const server = await CutoverServer.start({ engines, registry: registry.dir, workDir })
  const { port } = server
  const request = requestTo(port)
  const rounds: Round[] = []
  try {
    await nextMessage<DirectMessage>(direct, 'ready', READY_TIMEOUT_MS)
    const bytes = await answerOf(port)
    const run = (seconds: number) =>
      load.run({
        port,
        connections: CONNECTIONS,
        seconds,
        exchange: { request, expected: { kind: 'body', bytes } },
      })
    await run(2)
    for (let round = 1; round <= options.rounds; round++) {
      bench.progress(`image tensors, ${engines} engines, round ${round} of ${options.rounds}`)
      const rawPerSecond = await limit.imagesPerSecond(options.seconds, 'tensor')
      const before = await perSecondOf(direct, options.seconds)
      const record = await run(options.seconds)
      const after = await perSecondOf(direct, options.seconds)
      rounds.push({ rawPerSecond, directPerSecond: (before + after) / 2, load: record })
    }
  } finally {
    await Promise.all([server.stop(), limit.stop(), stop(direct, STOP_GRACE_MS)])
  }
  return rounds
}

function report(one: readonly Round[], all: readonly Round[]): PartReport {
  const records = [...one, ...all].map((round) => round.load)
  return {
    title: `A tensor of 602 KB, binary over V2 at c=${CONNECTIONS}; medians over the rounds`,
    rows: [
      ...rowsOf('one engine', one),
      ...rowsOf('an engine on every core', all),
      {
        what: 'failed requests',
        value: failuresText(records),
        bar: atMost(0, failureCount(records)),
      },
    ],
    data: { tensor: { one: one.map(figures), all: all.map(figures) } },
  }
}

function rowsOf(engines: string, rounds: readonly Round[]): PartReport['rows'] {
  const over = (pick: (round: Round) => number): number => median(rounds.map(pick))
  const ratio = over(({ load, directPerSecond }) => load.perSecond / directPerSecond)
  const text = [
    over(({ rawPerSecond }) => rawPerSecond),
    over(({ directPerSecond }) => directPerSecond),
    over(({ load }) => load.perSecond),
  ].map(perSecond)
  return [
    { what: `${engines}: runtime alone, fed directly, V2`, value: text.join(', ') },
    { what: `${engines}: V2 / fed directly`, value: ratio.toFixed(3), bar: atLeast(0.95, ratio) },
  ]
}

function figures({ load, ...round }: Round) {
  return { ...round, v2: load.perSecond }
}

async function perSecondOf(direct: ChildProcess, seconds: number): Promise<number> {
  const result = nextMessage<Extract<DirectMessage, { kind: 'result' }>>(
    direct,
    'result',
    seconds * 1000 + READY_TIMEOUT_MS,
  )
  direct.send({ kind: 'measure', seconds, inFlight: CONNECTIONS } satisfies DirectCommand)
  return (await result).perSecond
}

function bodyOf(): { header: string; body: Buffer } {
  const pixels = Float32Array.from({ length: ELEMENTS }, (_, index) => ((index % 255) - 127) / 128)
  const data = Buffer.from(pixels.buffer)
  const parameters = { binary_data_size: data.length }
  const header = JSON.stringify({
    inputs: [{ name: 'image', datatype: 'FP32', shape: SHAPE, parameters }],
    parameters: { binary_data_output: true },
  })
  return { header, body: Buffer.concat([Buffer.from(header), data]) }
}

async function answerOf(port: number): Promise<Buffer> {
  const { header, body } = bodyOf()
  const answer = await fetch(`http://127.0.0.1:${port}/v2/models/bench/infer`, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(header.length) },
    body: new Uint8Array(body),
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (!answer.ok) throw new Error(`the server answered ${answer.status} ${bytes.toString()}`)
  return bytes
}

function requestTo(port: number): Buffer {
  const { header, body } = bodyOf()
  const head =
    `POST /v2/models/bench/infer HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
    `content-type: application/octet-stream\r\n` +
    `inference-header-content-length: ${header.length}\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}
