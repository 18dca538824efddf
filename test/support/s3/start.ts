import { afterAll } from 'vitest'

import { FakeS3, type FakeS3Options } from './fake-s3.ts'

const running = new Set<FakeS3>()
afterAll(() => {
  for (const s3 of running) s3.close()
})

/** An S3 server that the test file's end stops. */
export async function startFakeS3(options: FakeS3Options = {}): Promise<FakeS3> {
  const s3 = new FakeS3(options)
  await s3.up()
  running.add(s3)
  return s3
}
