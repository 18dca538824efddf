import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { deferred } from '../../src/lib/deferred.ts'
import { RepeatedTask } from '../../src/lib/repeated-task.ts'

test('many who ask have it run once, at the earliest time that was asked for', async () => {
  let runs = 0
  const task = new RepeatedTask(() => Promise.resolve(void runs++))
  task.runIn(60_000)
  for (let i = 0; i < 10; i++) task.runIn(5)
  await task.next(60_000)
  await sleep(20)
  expect(runs).toBe(1)
  await task.close()
})

test('it never runs twice at a time, and who asks during a run gets one that began later', async () => {
  const ends = [deferred<void>(), deferred<void>()]
  const began: number[] = []
  const task = new RepeatedTask(() => {
    const index = began.length
    began.push(index)
    return ends[index]?.promise ?? Promise.resolve()
  })
  const first = task.next(0)
  await sleep(10)
  expect(began).toEqual([0])
  let isSecondOver = false
  const second = task.next(0).then(() => (isSecondOver = true))
  task.runIn(0)
  await sleep(10)
  expect(began).toEqual([0])
  ends[0]?.resolve()
  await first
  await sleep(10)
  expect(began).toEqual([0, 1])
  expect(isSecondOver).toBe(false)
  ends[1]?.resolve()
  await second
  await sleep(10)
  expect(began).toEqual([0, 1])
  await task.close()
})

test('once closed it does not run, and nobody waits for it', async () => {
  let runs = 0
  const task = new RepeatedTask(() => Promise.resolve(void runs++))
  const waiting = task.next(60_000)
  await task.close()
  await waiting
  await task.next(0)
  await sleep(10)
  expect(runs).toBe(0)
})

test('what it throws reaches who ran it, holds nobody up, and is not the end of it', async () => {
  let runs = 0
  const task = new RepeatedTask(() => {
    runs++
    return runs === 1 ? Promise.reject(new Error('broken')) : Promise.resolve()
  })
  const waiting = task.next(60_000)
  await expect(task.run()).rejects.toThrow('broken')
  await waiting
  await task.next(0)
  await task.run()
  expect(runs).toBe(3)
  await task.close()
})
