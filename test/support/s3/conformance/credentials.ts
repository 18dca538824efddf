import { describe, expect, test } from 'vitest'

import { statusOf, type TestBucket } from './bucket.ts'
import type { Differences } from './target.ts'

export function credentialChecks(bucket: () => TestBucket, differences: Differences): void {
  describe('credentials', () => {
    test('a wrong secret is 403', async () => {
      const { accessKeyId } = bucket().target
      const credentials = { accessKeyId, secretAccessKey: 'wrong-secret' }
      const client = bucket().newClient({ credentials })
      const request = bucket().put('signed', '1', {}, client)
      await expect(request).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' })
    })

    test('an unknown access key is refused', async () => {
      const credentials = { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'whatever' }
      const client = bucket().newClient({ credentials })
      const status = await statusOf(bucket().get('signed', {}, client))
      expect(status).toBe(differences.unknownAccessKey)
    })

    test('no signature is 403', async () => {
      const answer = await fetch(`${bucket().target.endpoint}/${bucket().name}/signed`)
      await answer.arrayBuffer()
      expect(answer.status).toBe(403)
    })
  })
}
