import { describeConformance } from './conformance/describe-conformance.ts'
import { AS_VERSITYGW } from './conformance/target.ts'

// A file of this kind runs where these variables name a server (vitest.config.ts).
const {
  CUTOVER_TEST_S3_ENDPOINT: endpoint = '',
  AWS_ACCESS_KEY_ID: accessKeyId = '',
  AWS_SECRET_ACCESS_KEY: secretAccessKey = '',
  AWS_REGION: region = 'us-east-1',
} = process.env

describeConformance(
  `the S3 server at ${endpoint}`,
  async () => ({ endpoint, region, accessKeyId, secretAccessKey, raceRounds: 20 }),
  AS_VERSITYGW,
)
