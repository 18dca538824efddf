import { createHash, randomFillSync } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { residentBytes } from '../../src/lib/resident-bytes.ts'
import type { FakeS3 } from '../../test/support/s3/fake-s3.ts'
import {
  atMost,
  type Bench,
  failureCount,
  failuresText,
  mb,
  ms,
  type PartReport,
  type Row,
} from '../lib/bench.ts'
import { CutoverServer, freePort, saysReady } from '../lib/cutover-server.ts'
import { PHOTO } from '../lib/photo.ts'
import { cpuMsOf, treePssBytes } from '../lib/process-tree.ts'
import { median, percentile, wallClockMs } from '../lib/statistics.ts'
import { BenchBucket, realServer, withFake } from '../s3/bench-bucket.ts'

const CONNECTIONS = 16
const POLL_MS = 2_000
const NEVER_MS = 3_600_000
const TRIES = 5
const WAIT_MS = 60_000
const LOAD_SECONDS_MAX = 1200
const MODELS = 1_000
const VERSIONS = 10
const POLLS = 5
const WRITE_BYTES = 4 * 1024 ** 2
/** A poll takes about 0.2 s of it. */
const LISTED_WITHIN_MS = 1_500

interface Measured {
  readonly rows: readonly Row[]
  readonly data: Readonly<Record<string, unknown>>
}

/** A registry in a bucket: how soon a version serves, and what the bucket costs the server. */
export async function s3(bench: Bench): Promise<PartReport> {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
  const real = realServer()
  const reports: Measured[] = []
  await withFake(async (fake) => {
    const env = real ?? fake.env
    bench.progress('S3: from the manifest to the first answer')
    reports.push(await firstAnswer(bench, env))
    bench.progress(`S3: ${bench.options.publishes} versions under load`)
    reports.push(await publishes(bench, env))
  })
  bench.progress(`S3: polls of ${MODELS} models × ${VERSIONS} versions`)
  reports.push(await withFake((fake) => polls(bench, fake)))
  bench.progress(`S3: a version of ${mb(bench.options.pullBytes)} under load`)
  reports.push(await withFake((fake) => pull(bench, fake)))
  const where = real === undefined ? 'fake S3' : 'a real S3 server; polls and pull: fake S3'
  return {
    title: `Registry in a bucket (${where})`,
    rows: reports.flatMap(({ rows }) => rows),
    data: Object.assign({}, ...reports.map(({ data }) => data)) as Record<string, unknown>,
  }
}

async function firstAnswer(bench: Bench, env: Readonly<Record<string, string>>): Promise<Measured> {
  const polled: number[] = []
  const hinted: number[] = []
  for (const [took, pollMs] of [
    [polled, POLL_MS],
    [hinted, NEVER_MS],
  ] as const) {
    const bucket = await BenchBucket.open(env)
    await bucket.publish(1)
    const adminPort = await freePort()
    const server = await start(bench, bucket, pollMs, { CUTOVER_ADMIN_PORT: String(adminPort) })
    try {
      for (let version = 2; version < TRIES + 2; version++) {
        // Anywhere between two polls.
        await sleep(Math.random() * POLL_MS)
        const at = await bucket.publish(version)
        if (took === hinted) await hint(adminPort, bucket, version)
        await waitForVersion(server.port, version)
        took.push(wallClockMs() - at)
      }
    } finally {
      await server.stop()
    }
  }
  const rows = [
    {
      what: `manifest PUT → first answer, polled every ${POLL_MS} ms: median, max`,
      value: `${ms(median(polled))}, ${ms(Math.max(...polled))}`,
      // A fifth is the spread of polls.
      bar: atMost(POLL_MS * 1.2 + 2000, Math.max(...polled), ' ms'),
    },
    {
      what: 'manifest PUT and event → first answer: median, max',
      value: `${ms(median(hinted))}, ${ms(Math.max(...hinted))}`,
      bar: atMost(2000, Math.max(...hinted), ' ms'),
    },
  ]
  return { rows, data: { polled, hinted } }
}

async function publishes(bench: Bench, env: Readonly<Record<string, string>>): Promise<Measured> {
  const { options, load } = bench
  const bucket = await BenchBucket.open(env)
  await bucket.publish(1)
  const server = await start(bench, bucket, 500)
  const order: number[] = []
  const run = load.begin(
    { port: server.port, connections: CONNECTIONS, seconds: LOAD_SECONDS_MAX },
    ({ version }) => order.push(Number(version)),
  )
  const pss: number[] = []
  const disk: number[] = []
  try {
    for (let version = 2; version <= options.publishes + 1; version++) {
      await bucket.publish(version)
      const isAnswering = () => order.includes(version)
      await server.waitFor(isAnswering, `version ${version} does not answer`, WAIT_MS)
      pss.push(treePssBytes(server.pid))
      disk.push(cacheBytes(bench))
    }
    run.stop()
    const record = await run.finished
    const isInOrder = order.every((version, index) => version === index + 1)
    const rows = [
      {
        what: `${options.publishes} publishes at c=${CONNECTIONS}: failed of ${record.requests} requests`,
        value: failuresText([record]),
        bar: atMost(0, failureCount([record])),
      },
      { what: 'versions served in order', value: isInOrder ? 'yes' : order.join(' ') },
      { what: 'PSS, first and last', value: `${mb(pss[0] ?? 0)}, ${mb(pss.at(-1) ?? 0)}` },
      { what: 'disk, first and last', value: `${mb(disk[0] ?? 0)}, ${mb(disk.at(-1) ?? 0)}` },
    ]
    return { rows, data: { publishes: { order, pss, disk, failures: record.failures } } }
  } finally {
    run.stop()
    await server.stop()
  }
}

async function polls(bench: Bench, fake: FakeS3): Promise<Measured> {
  const bucket = BenchBucket.of(fake)
  await bucket.publish(1)
  for (let model = 0; model < MODELS; model++) {
    for (let version = 1; version <= VERSIONS; version++) {
      const prefix = `models/model-${String(model).padStart(4, '0')}/${version}`
      fake.objects.put(`${prefix}/model.onnx`, `${model} ${version}`)
      fake.objects.put(`${prefix}/manifest.json`, `{"version":${version}}`)
    }
  }
  // The others are more models than it may serve: none of them is loaded.
  const server = await start(bench, bucket, 2 * POLL_MS, { CUTOVER_MODELS_MAX: '1' })
  try {
    await sleep(2 * POLL_MS)
    const idlePerMs = await idleCpuPerMs(server.pid, fake)
    fake.requests.reset()
    const pages = Math.ceil((2 * MODELS * VERSIONS + 2) / 1000)
    const from = performance.now()
    const before = cpuMsOf(server.pid)
    while (fake.requests.count('ListObjectsV2') < POLLS * pages) await sleep(20)
    const idle = idlePerMs * (performance.now() - from)
    const used = (cpuMsOf(server.pid) - before - idle) / POLLS
    const gets = fake.requests.count('GetObject')
    return {
      rows: [
        {
          what: `a poll of ${MODELS} × ${VERSIONS} versions without news: CPU of the server`,
          value: ms(used),
          bar: atMost(150, used, ' ms'),
        },
        {
          what: `requests of ${POLLS} polls: LIST, GET`,
          value: `${fake.requests.count('ListObjectsV2')}, ${gets}`,
          bar: atMost(0, gets, ' GET'),
        },
      ],
      data: { pollCpuMs: used },
    }
  } finally {
    await server.stop()
  }
}

async function pull(bench: Bench, fake: FakeS3): Promise<Measured> {
  const { options, load } = bench
  const bucket = BenchBucket.of(fake)
  await bucket.publish(1)
  const weights = path.join(bench.workDir, 'weights.bin')
  const entry = await writeRandom(weights, options.pullBytes)
  fake.objects.putFile('models/bench/2/weights.bin', weights)
  const server = await start(bench, bucket, 500)
  const run = load.begin({ port: server.port, connections: CONNECTIONS, seconds: 600 })
  try {
    await sleep(options.seconds * 2000)
    const steadyFrom = wallClockMs() - options.seconds * 1000
    const before = residentBytes(server.pid)
    let highest = before
    const from = await bucket.publish(2, [{ path: 'weights.bin', ...entry }])
    let until = from
    let isPulling = true
    while (isPulling && wallClockMs() - from < 10 * WAIT_MS) {
      await sleep(100)
      highest = Math.max(highest, residentBytes(server.pid))
      const step = await stepOf(server.port)
      isPulling = step === undefined || step === 'verifying' || step === 'pulling'
      if (isPulling) until = wallClockMs()
    }
    await sleep(1000)
    run.stop()
    const record = await run.finished
    const duringMs = record.percentileMs(0.99, (at) => at >= from && at <= until)
    const steadyMs = percentile(
      record.latenciesMs((at) => at >= steadyFrom && at < from),
      0.99,
    )
    const grown = highest - before
    return {
      rows: [
        {
          what: `pulling ${mb(options.pullBytes)} at c=${CONNECTIONS}`,
          value: `${((until - from) / 1000).toFixed(1)} s`,
        },
        {
          what: 'growth of the server’s resident memory',
          value: mb(grown),
          bar: atMost(80, grown / 1e6, ' MB'),
        },
        {
          what: 'p99 during the pull',
          value: `${ms(duringMs)}, ${(duringMs / steadyMs).toFixed(2)} × steady`,
          bar: atMost(1.3, duringMs / steadyMs, ' × steady'),
        },
        {
          what: 'failed requests',
          value: failuresText([record]),
          bar: atMost(0, failureCount([record])),
        },
      ],
      data: { pull: { duringMs, steadyMs, grown, tookMs: until - from } },
    }
  } finally {
    run.stop()
    await server.stop()
  }
}

function start(
  { options, workDir }: Bench,
  bucket: BenchBucket,
  pollMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<CutoverServer> {
  const own = { CUTOVER_POLL_INTERVAL_MS: String(pollMs), ...env }
  const server = { registry: bucket.url, engines: options.engines, workDir }
  return CutoverServer.start({ ...server, env: { ...bucket.env, ...own } }, saysReady)
}

async function hint(adminPort: number, bucket: BenchBucket, version: number): Promise<void> {
  const object = { key: `models/bench/${version}/manifest.json` }
  const record = { s3: { bucket: { name: new URL(bucket.url).host }, object } }
  await fetch(`http://127.0.0.1:${adminPort}/registry/events`, {
    method: 'POST',
    body: JSON.stringify({ Records: [record] }),
  })
}

async function waitForVersion(port: number, version: number): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${port}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body: PHOTO,
    })
    await answer.arrayBuffer()
    if (answer.headers.get('x-model-version') === String(version)) return
    await sleep(20)
  }
  throw new Error(`version ${version} does not answer`)
}

async function stepOf(port: number): Promise<string | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/models`)
  const { models } = (await answer.json()) as {
    models: { versions: { version: number; state: string; step?: string }[] }[]
  }
  const second = models[0]?.versions.find(({ version }) => version === 2)
  return second?.state === 'loading' ? second.step : second?.state
}

/** What a server without anything to do uses, from one poll to the next. */
async function idleCpuPerMs(pid: number, fake: FakeS3): Promise<number> {
  fake.requests.reset()
  while (fake.requests.count('ListObjectsV2') === 0) await sleep(20)
  await sleep(LISTED_WITHIN_MS)
  const lists = fake.requests.count('ListObjectsV2')
  const [from, before] = [performance.now(), cpuMsOf(pid)]
  while (fake.requests.count('ListObjectsV2') === lists) await sleep(20)
  return (cpuMsOf(pid) - before) / (performance.now() - from)
}

/** A file of random bytes: what lies on a disk costs the machine less to send than what is made. */
async function writeRandom(
  file: string,
  bytes: number,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(WRITE_BYTES)
  const handle = await open(file, 'w')
  for (let written = 0; written < bytes; written += WRITE_BYTES) {
    const part = randomFillSync(chunk).subarray(0, Math.min(WRITE_BYTES, bytes - written))
    hash.update(part)
    await handle.write(part)
  }
  await handle.close()
  return { bytes, sha256: hash.digest('hex') }
}

/** What the cache holds; the copies in use are links to it. */
function cacheBytes({ workDir }: Bench): number {
  const dir = path.join(workDir, 'cache', 'blobs')
  return readdirSync(dir).reduce(
    (sum, name) => sum + (statSync(path.join(dir, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}
