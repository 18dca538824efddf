import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'

import { predict } from '../support/client.ts'
import { cutover } from '../support/cutover.ts'
import { dark } from '../support/images.ts'
import { startLoad } from '../support/load.ts'
import { fixture } from '../support/registry.ts'
import { realS3 } from '../support/s3/real-s3.ts'
import { startServer, waitFor } from '../support/server.ts'

const VERSIONS = [2, 3, 4, 5]

test('what publishers put into a real bucket is served in order, and no request fails', async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = realS3()
  const Bucket = `serve-${Date.now().toString(36)}`
  const credentials = { accessKeyId, secretAccessKey }
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials })
  await client.send(new CreateBucketCommand({ Bucket }))
  const registry = `s3://${Bucket}/prod`
  const publish = async (version: number) => {
    const model = fixture(`models/class-${version}.onnx`)
    const ended = await cutover(['publish', model, '--model', 'm', '--registry', registry])
    expect(ended).toMatchObject({ code: 0 })
  }
  await publish(1)
  const server = await startServer(registry, { flags: ['--poll-interval-ms', '300'] })
  const load = startLoad(server.url, dark, 4)
  const order: (number | undefined)[] = []
  for (const version of VERSIONS) {
    await publish(version)
    await waitFor(async () => {
      const { body } = await predict(server.url, dark)
      if (body.class_index !== order.at(-1)) order.push(body.class_index)
      return body.class_index === version
    }, `version ${version}`)
  }
  const { failures } = await load.stop()
  expect(failures).toEqual([])
  expect(order).toEqual([1, ...VERSIONS])
  expect(await cutover(['verify', '--registry', registry])).toMatchObject({ code: 0 })
})
