import type { ChildProcess } from 'node:child_process'

import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import { PHOTO, PHOTO_CLASS } from '../lib/photo.ts'
import { percentile } from '../lib/statistics.ts'
import type {
  Expected,
  Failure,
  LoadMessage,
  LoadPlan,
  LoadResult,
  VersionSeen,
} from './protocol.ts'

const READY_TIMEOUT_MS = 30_000
const STOP_GRACE_MS = 1000
/** Answers in flight at the end are waited for, not cut off: none of them may be lost. */
const DRAIN_TIMEOUT_MS = 90_000
/** Until every connection is open and warm; left out of throughput and percentiles. */
const LEAD_IN_MS = 500

export interface LoadRun {
  /** Resolves with the record when the time is up or after `stop`. */
  readonly finished: Promise<LoadRecord>
  stop(): void
}

export interface LoadTarget {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** What is sent and has to come back; without it, the photo to /predict and its class. */
  readonly exchange?: { readonly request: Uint8Array; readonly expected: Expected }
}

/** Sends one request over and over, from a process of its own. One run at a time. */
export class LoadGenerator {
  readonly #process: ChildProcess
  readonly #boundary = 'cutover-bench'

  private constructor(child: ChildProcess) {
    this.#process = child
  }

  /** `cores`: those that it may run on, as taskset names them; all, without it. */
  static async start(cores?: string): Promise<LoadGenerator> {
    const child = forkOwned(new URL('./main.ts', import.meta.url), { cores })
    await nextMessage<LoadMessage>(child, 'ready', READY_TIMEOUT_MS)
    return new LoadGenerator(child)
  }

  begin(
    { port, connections, seconds, exchange = this.#prediction(port) }: LoadTarget,
    onVersion: (seen: VersionSeen) => void = () => {},
  ): LoadRun {
    const child = this.#process
    const onMessage = (message: LoadMessage): void => {
      if (message.kind === 'version') onVersion(message)
    }
    child.on('message', onMessage)
    const result = nextMessage<LoadResult>(child, 'result', seconds * 1000 + DRAIN_TIMEOUT_MS)
    const plan: LoadPlan = {
      kind: 'start',
      host: '127.0.0.1',
      port,
      ...exchange,
      connections,
      seconds,
    }
    child.send(plan)
    return {
      finished: result
        .then((answer) => new LoadRecord(answer))
        .finally(() => child.off('message', onMessage)),
      stop: () => child.send({ kind: 'stop' }),
    }
  }

  run(target: LoadTarget): Promise<LoadRecord> {
    return this.begin(target).finished
  }

  async stop(): Promise<void> {
    await stop(this.#process, STOP_GRACE_MS)
  }

  #prediction(port: number): NonNullable<LoadTarget['exchange']> {
    const opening =
      `--${this.#boundary}\r\n` +
      'content-disposition: form-data; name="image"; filename="photo.jpg"\r\n' +
      'content-type: image/jpeg\r\n\r\n'
    const body = Buffer.concat([
      Buffer.from(opening),
      PHOTO,
      Buffer.from(`\r\n--${this.#boundary}--\r\n`),
    ])
    const head =
      `POST /predict HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
      `content-type: multipart/form-data; boundary=${this.#boundary}\r\n` +
      `content-length: ${body.length}\r\n\r\n`
    const request = Buffer.concat([Buffer.from(head), body])
    return { request, expected: { kind: 'class', index: PHOTO_CLASS } }
  }
}

/** Every answer of one run with the moment it came, so that parts of the run can be compared. */
export class LoadRecord {
  readonly failures: readonly Failure[]
  readonly cpuMicrosecondsPerRequest: number
  readonly requests: number
  readonly #result: LoadResult

  constructor(result: LoadResult) {
    this.#result = result
    this.failures = result.failures
    this.cpuMicrosecondsPerRequest = result.cpuMicrosecondsPerRequest
    this.requests = result.finishedAtMs.length
  }

  /** Without the lead-in, and without the end when connections fall silent one by one. */
  get perSecond(): number {
    const { finishedAtMs } = this.#result
    const from = (finishedAtMs[0] ?? 0) + LEAD_IN_MS
    const counted = finishedAtMs.filter((at) => at >= from)
    const spanMs = (counted.at(-1) ?? 0) - (counted[0] ?? 0)
    return ((counted.length - 1) / spanMs) * 1000
  }

  percentileMs(fraction: number, during: (atMs: number) => boolean = () => true): number {
    return percentile(this.latenciesMs(during), fraction)
  }

  /** Of the answers that came at the times that `during` picks, the lead-in left out. */
  latenciesMs(during: (atMs: number) => boolean = () => true): Float64Array {
    const { finishedAtMs, latenciesMs } = this.#result
    const from = (finishedAtMs[0] ?? 0) + LEAD_IN_MS
    return latenciesMs.filter((_, index) => {
      const at = finishedAtMs[index] ?? 0
      return at >= from && during(at)
    })
  }
}
