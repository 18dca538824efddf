import { afterAll, beforeAll, describe } from 'vitest'

import { TestBucket } from './bucket.ts'
import { conditionChecks } from './conditions.ts'
import { credentialChecks } from './credentials.ts'
import { listingChecks } from './listings.ts'
import { objectChecks } from './objects.ts'
import type { Differences, Target } from './target.ts'
import { uploadChecks } from './uploads.ts'

/** What an S3 server has to get right for a registry to be kept in it. */
export function describeConformance(
  name: string,
  start: () => Promise<Target>,
  differences: Differences,
): void {
  describe(name, () => {
    let bucket: TestBucket | undefined
    const current = () => {
      if (bucket === undefined) throw new Error('there is no bucket yet')
      return bucket
    }
    beforeAll(async () => {
      bucket = new TestBucket(await start())
      await bucket.create()
    })
    // It is a check of its own: it removes some thousand keys and a bucket.
    afterAll(() => bucket?.remove())

    objectChecks(current, differences)
    conditionChecks(current)
    listingChecks(current, differences)
    uploadChecks(current)
    credentialChecks(current, differences)
  })
}
