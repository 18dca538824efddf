import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work that can pause: it yields wherever others may have their turn. */
export type Sliced<T> = Generator<void, T, void>

/** Runs the work to its end; the event loop has a turn at every pause. */
export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    await nextTurn()
  }
}
