import { expect, test } from 'vitest'

import { cpuTimeMs } from '../../src/lib/cpu-time.ts'
import { latenessOf } from '../../src/registry/compile-deadline.ts'

test.each([
  ['before the deadline', 5_900, 9_000, 'in time'],
  ['at the deadline, after working all the time', 6_000, 5_900, 'too slow'],
  ['at the deadline, after hardly working', 6_000, 1_000, 'in time'],
  ['later, when it worked as long as others may', 20_000, 5_000, 'too slow'],
  ['much later, still hardly working', 60_000, 1_000, 'starved'],
  ['where nobody knows whether it worked', 6_000, undefined, 'too slow'],
] as const)('a compilation is judged %s', (_, elapsedMs, cpuMs, expected) => {
  expect(latenessOf(elapsedMs, cpuMs, 6_000)).toBe(expected)
})

test.runIf(process.platform === 'linux')('CPU time is that of the process', () => {
  const { user, system } = process.cpuUsage()
  const found = cpuTimeMs(process.pid)
  // It goes on, and the kernel counts in ticks.
  expect(found).toBeGreaterThan((user + system) / 1000 - 50)
  expect(found).toBeLessThan(2 * ((user + system) / 1000) + 60_000)
  expect(cpuTimeMs(-1)).toBeUndefined()
})
