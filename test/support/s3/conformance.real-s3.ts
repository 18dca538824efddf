import { describeConformance } from './conformance/describe-conformance.ts'
import { AS_VERSITYGW } from './conformance/target.ts'
import { realS3 } from './real-s3.ts'

describeConformance('a real S3 server', async () => ({ ...realS3(), raceRounds: 20 }), AS_VERSITYGW)
