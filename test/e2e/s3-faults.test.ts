import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, describe, expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { TestBucket } from '../support/s3-registry.ts'
import { EVERY_EFFECT } from '../support/s3/every-effect.ts'
import type { Effect } from '../support/s3/faults.ts'
import { startFakeS3 } from '../support/s3/start.ts'
import { waitFor } from '../support/server.ts'

/** How long each fault lasts: several polls, and longer than the time-outs of the server. */
const FAULT_MS = 1_200
const RECOVERY_MS = 90_000

const TARGETS = {
  list: { operation: 'list' },
  manifest: { operation: 'get', key: /manifest\.json$/ },
  file: { operation: 'get', key: /model\.onnx$/ },
} as const

const matrix = new Map<string, Map<string, string>>()

describe.concurrent('while the bucket is at fault, the server', () => {
  test.each(Object.entries<Effect>(EVERY_EFFECT))(
    'serves on, and catches up when it is over: %s',
    async (name, effect) => {
      const row = new Map<string, string>()
      matrix.set(name, row)
      const bucket = new TestBucket(await startFakeS3())
      bucket.publish('m', 1, 'class-1')
      const server = await bucket.serve({ flags: ['--engines', '1', '--threads-alone', '0'] })
      const load = startLoad(server.url, dark, 1, 20)
      for (const [index, [target, where]] of Object.entries(TARGETS).entries()) {
        const version = index + 2
        bucket.s3.inject({ ...where, effect })
        bucket.publish('m', version, `class-${version}`)
        await sleep(FAULT_MS)
        bucket.s3.clearFaults()
        await bucket.s3.up()
        const over = performance.now()
        await waitFor(
          async () => (await predict(server.url, dark)).body.class_index === version,
          `version ${version} after ${name} of ${target}`,
          RECOVERY_MS,
        )
        row.set(target, `${((performance.now() - over) / 1000).toFixed(1)} s`)
      }
      const { failures, classes } = await load.stop()
      expect(failures).toEqual([])
      // Each was one of those published: no answer came from bytes that were broken on the way.
      expect(new Set(classes.keys())).toEqual(new Set([1, 2, 3, 4]))
      expect(await server.stop()).toBe(0)
    },
    360_000,
  )
})

afterAll(() => {
  const targets = Object.keys(TARGETS)
  const lines = [...matrix].map(([name, row]) => {
    const cells = targets.map((target) => (row.get(target) ?? 'FAILED').padStart(9))
    return `${name.padEnd(26)}${cells.join('')}`
  })
  const head = `${'from its end to recovery'.padEnd(26)}${targets.map((t) => t.padStart(9)).join('')}`
  console.log([head, ...lines].join('\n'))
})
