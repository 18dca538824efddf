import { defineConfig } from 'vitest/config'

// What asks a real S3 server runs where one is named: .ci/s3.sh starts one and names it.
const realS3 = process.env['CUTOVER_TEST_S3_ENDPOINT'] ? ['test/**/*.real-s3.ts'] : []

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', ...realS3],
    globalSetup: ['test/support/global-setup.ts'],
    // The tests open models in their own process, too.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    reporters: process.env['CI'] === undefined ? ['default'] : ['default', 'json'],
    outputFile: { json: '.cache/tests.json' },
    testTimeout: 240_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 2,
    // Tests of servers that run side by side: more would only wait for the cores.
    maxConcurrency: 3,
  },
})
