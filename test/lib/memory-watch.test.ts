import { expect, test } from 'vitest'

import { deferred } from '../../src/lib/deferred.ts'
import { MemoryWatch } from '../../src/lib/memory-watch.ts'

test.runIf(process.platform === 'linux')('tells of the memory that a process holds', async () => {
  const told = deferred<number>()
  const watch = new MemoryWatch(process.pid, { bytesMax: 1, onExceeded: told.resolve })
  const share = (await told.promise) / process.memoryUsage.rss()
  expect(share).toBeGreaterThan(0.5)
  expect(share).toBeLessThan(2)
  watch.stop()
})
