import { describeConformance } from './conformance/describe-conformance.ts'
import { AS_AWS, AS_VERSITYGW } from './conformance/target.ts'
import { startFakeS3 } from './start.ts'

describeConformance(
  'the fake S3 server',
  async () => {
    const { endpoint, credentials, region } = await startFakeS3()
    return { endpoint, region, ...credentials }
  },
  AS_AWS,
)

const endpoint = process.env['CUTOVER_TEST_S3_ENDPOINT']
if (endpoint !== undefined) {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId = '',
    AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
    AWS_REGION: region = 'us-east-1',
  } = process.env
  const start = async () => ({ endpoint, accessKeyId, secretAccessKey, region })
  describeConformance(`the S3 server at ${endpoint}`, start, AS_VERSITYGW)
}
