import { expect, test } from 'vitest'

import { ArmTrafficRecorder } from '../../src/rollout/arm-traffic.ts'

function answered(serviceMs: number) {
  return { kind: 'answered', place: 'single', serviceMs } as const
}

test('an arm without requests has a rate of zero and no times', () => {
  const arm = new ArmTrafficRecorder()
  arm.add({ kind: 'excused' }, 500)
  expect(arm.traffic(1_000)).toEqual({
    requestsPerSecond: 0,
    serviceP50Ms: null,
    serviceP99Ms: null,
  })
})

test('what ended more than ten seconds ago does not count, and failures have no time', () => {
  const arm = new ArmTrafficRecorder()
  for (let i = 0; i < 50; i++) arm.add(answered(1_000), i)
  for (let i = 1; i <= 100; i++) arm.add(answered(i), 20_000 + i)
  for (let i = 0; i < 20; i++) arm.add({ kind: 'failed' }, 21_000)
  expect(arm.traffic(25_000)).toEqual({
    requestsPerSecond: 12,
    serviceP50Ms: 50,
    serviceP99Ms: 99,
  })
})

test('of many requests the newest thousand tell the rate', () => {
  const arm = new ArmTrafficRecorder()
  for (let i = 0; i < 5_000; i++) arm.add(answered(2), i)
  expect(arm.traffic(5_000).requestsPerSecond).toBeCloseTo(1_000, 3)
})
