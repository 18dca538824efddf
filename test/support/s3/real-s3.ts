import type { Target } from './conformance/target.ts'

/** The S3 server that the variables name which .ci/s3.sh sets. Its clients use the AWS_… ones. */
export function realS3(): Omit<Target, 'raceRounds'> {
  const variable = (name: string): string => {
    const value = process.env[name]
    if (value === undefined) throw new Error(`${name} is not set: run this by .ci/s3.sh`)
    return value
  }
  return {
    endpoint: variable('CUTOVER_TEST_S3_ENDPOINT'),
    accessKeyId: variable('AWS_ACCESS_KEY_ID'),
    secretAccessKey: variable('AWS_SECRET_ACCESS_KEY'),
    region: process.env['AWS_REGION'] ?? 'us-east-1',
  }
}
