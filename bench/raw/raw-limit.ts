import type { ChildProcess } from 'node:child_process'

import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import { median } from '../lib/statistics.ts'
import type { RawCommand, RawMessage, RawResult } from './protocol.ts'

const READY_TIMEOUT_MS = 60_000
const STOP_GRACE_MS = 1000

/** Processes that wait without using the CPU until they are asked for a measurement. */
export class RawLimit {
  readonly #processes: readonly ChildProcess[]

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes
  }

  static async start(processes: number): Promise<RawLimit> {
    const program = new URL('./main.ts', import.meta.url)
    const children = Array.from({ length: processes }, () => forkOwned(program))
    await Promise.all(
      children.map((child) => nextMessage<RawMessage>(child, 'ready', READY_TIMEOUT_MS)),
    )
    return new RawLimit(children)
  }

  /** Images per second of all processes together, two images in flight in each. */
  async imagesPerSecond(seconds: number, input: RawCommand['input'] = 'photo'): Promise<number> {
    const command = { kind: 'measure', seconds, inFlight: 2, input } as const
    const results = await Promise.all(this.#processes.map((child) => measure(child, command)))
    return results.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0)
  }

  /** The median time of one image after the other in one process with one thread. */
  async oneImageMs(seconds: number): Promise<number> {
    const [first] = this.#processes
    if (first === undefined) throw new RangeError('no raw-limit process was started')
    const { latenciesMs } = await measure(first, {
      kind: 'measure',
      seconds,
      inFlight: 1,
      input: 'photo',
    })
    return median(latenciesMs)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((child) => stop(child, STOP_GRACE_MS)))
  }
}

function measure(child: ChildProcess, command: RawCommand): Promise<RawResult> {
  const result = nextMessage<RawResult>(child, 'result', command.seconds * 1000 + 30_000)
  child.send(command)
  return result
}
