import { expect, test } from 'vitest'

import { hangsAt } from '../../src/engine/hang.ts'

/** The oldest request of an engine that holds three, sent at 50 s; a run may take 10 s. */
const at = (answeredAt: number) => hangsAt({ sentAt: 50_000, answeredAt, held: 3 }, 10_000)

test('the time of a request begins when it is sent to an idle engine', () => {
  expect(at(0)).toBe(60_000)
  expect(at(49_999)).toBe(60_000)
})

test('and with the answer to another one where the engine has others', () => {
  expect(at(50_001)).toBe(60_001)
  expect(at(59_000)).toBe(69_000)
})

test('others are answered for ever: it waits for as many as the engine holds, and no longer', () => {
  expect(at(79_999)).toBe(89_999)
  expect(at(85_000)).toBe(90_000)
  expect(at(1_000_000)).toBe(90_000)
})
