import { describeConformance } from './conformance/describe-conformance.ts'
import { AS_AWS } from './conformance/target.ts'
import { startFakeS3 } from './start.ts'

describeConformance(
  'the fake S3 server',
  async () => {
    const { endpoint, credentials, region } = await startFakeS3()
    return { endpoint, region, ...credentials, raceRounds: 3 }
  },
  AS_AWS,
)
