import type { ChildProcess } from 'node:child_process'

import { forkOwned, nextMessage, stop } from '../lib/child.ts'
import type { RunResult } from './run.ts'
import type { Share, ShareResults } from './runner/protocol.ts'

/** Runs that a process takes at a time. */
const SHARE_RUNS = 50
const SHARE_TIMEOUT_MS = 10 * 60_000
const STOP_GRACE_MS = 2_000

/** Simulates on several processes. Results come in the order of the runs, however many they are. */
export class Runners {
  readonly #children: readonly ChildProcess[]

  constructor(count: number) {
    const program = new URL('runner/main.ts', import.meta.url)
    this.#children = Array.from({ length: count }, () => forkOwned(program))
  }

  async simulate(
    file: string,
    seed: number,
    runs: number,
    onProgress: (done: number) => void,
  ): Promise<RunResult[]> {
    const parts: (readonly RunResult[])[] = []
    let next = 0
    let done = 0
    await Promise.all(
      this.#children.map(async (child) => {
        while (next * SHARE_RUNS < runs) {
          const index = next++
          const from = index * SHARE_RUNS
          const share: Share = { file, seed, from, to: Math.min(runs, from + SHARE_RUNS) }
          child.send(share)
          const { results } = await nextMessage<ShareResults>(child, 'results', SHARE_TIMEOUT_MS)
          parts[index] = results
          done += results.length
          onProgress(done)
        }
      }),
    )
    return parts.flat()
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map((child) => stop(child, STOP_GRACE_MS)))
  }
}
