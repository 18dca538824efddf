import type { Sliced } from '../../src/lib/in-slices.ts'

/** Runs the work to its end and counts where others had their turn. */
export function pausesOf(work: Sliced<unknown>): number {
  let pauses = 0
  while (work.next().done !== true) pauses++
  return pauses
}
