import { expect, test } from 'vitest'

import { CutoverError } from '../../src/domain/errors.ts'
import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import { Policies, type PolicyFile } from '../../src/registry/policies.ts'

const MODELS = new Map([
  ['a', 1],
  ['b', 1],
])

/** A model.json with this text, or one whose reading fails. */
function file(model: string, what: string | Error, more: Partial<PolicyFile> = {}): PolicyFile {
  const read = () =>
    what instanceof Error ? Promise.reject(what) : Promise.resolve(Buffer.from(what))
  return { model, path: `/r/${model}/model.json`, state: '1', bytes: 10, read, ...more }
}

function pins(policies: Policies): Record<string, number | undefined> {
  return Object.fromEntries([...policies.all].map(([model, { pin }]) => [model, pin]))
}

test('a model whose model.json was never read waits for it, and no other does', async () => {
  const policies = new Policies(DEFAULT_POLICY)
  const unreadable = file('b', new Error('EACCES'))
  expect(await policies.update([file('a', '{"pin": 1}'), unreadable])).toBe(true)
  expect(pins(policies)).toEqual({ a: 1 })
  expect([...policies.admit(MODELS).keys()]).toEqual(['a'])
  const reason = 'cannot be read, and its model has to wait for it: EACCES'
  expect(policies.problems).toEqual([{ path: '/r/b/model.json', reason }])
  // Nothing is known of the directory for a moment: that is no permission.
  await policies.update([file('a', '{"pin": 1}')], ['b'])
  expect([...policies.admit(MODELS).keys()]).toEqual(['a'])
  // It did not change, and is read again all the same.
  expect(await policies.update([file('a', '{"pin": 1}'), file('b', '{"pin": 2}')])).toBe(true)
  expect([...policies.admit(MODELS).keys()]).toEqual(['a', 'b'])
  expect(pins(policies)).toEqual({ a: 1, b: 2 })
  expect(policies.problems).toEqual([])
})

test('what cannot be read any more stays in force, and is read again', async () => {
  const policies = new Policies(DEFAULT_POLICY)
  await policies.update([file('a', '{"pin": 1}')])
  policies.admit(MODELS)
  const unreadable = ['a', 'b'].map((model) => file(model, new Error('EIO'), { state: '2' }))
  expect(await policies.update(unreadable)).toBe(false)
  expect(pins(policies)).toEqual({ a: 1 })
  // One was served without a policy before.
  expect([...policies.admit(MODELS).keys()]).toEqual(['a', 'b'])
  const reason = 'cannot be read, and what was in force stays so: EIO'
  expect(policies.problems.map((problem) => problem.reason)).toEqual([reason, reason])
  await policies.update([file('a', '{"pin": 3}', { state: '2' })])
  expect(pins(policies)).toEqual({ a: 3 })
  expect(policies.problems).toEqual([])
})

test('a directory that cannot be read takes no policy away, and one without the file does', async () => {
  const policies = new Policies(DEFAULT_POLICY)
  await policies.update([file('a', '{"pin": 1}')])
  expect(await policies.update([], ['a'])).toBe(false)
  expect(pins(policies)).toEqual({ a: 1 })
  expect(await policies.update([])).toBe(true)
  expect(pins(policies)).toEqual({})
})

test.each([
  ['is too large', file('a', new Error('it is not read'), { bytes: 200_000 }), 'is larger than'],
  ['is no policy', file('a', '{"pin": "one"}'), 'pin: expected a version'],
  ['is of no use', file('a', new CutoverError('CONFIG_INVALID', 'is a link')), 'is a link'],
])('a model.json that %s is a problem of its own, and the defaults hold', async (_, bad, text) => {
  const policies = new Policies({ ...DEFAULT_POLICY, pin: 7 })
  await policies.update([bad, file('b', '{"pin": 2}')])
  expect(pins(policies)).toEqual({ a: 7, b: 2 })
  expect([...policies.admit(MODELS).keys()]).toEqual(['a', 'b'])
  expect(policies.problems).toEqual([
    { path: '/r/a/model.json', reason: expect.stringContaining(text) as string },
  ])
})

test('what was stored is in force until the file is read, and skipped if it is none any more', async () => {
  const policies = new Policies(DEFAULT_POLICY)
  policies.restore(new Map(Object.entries({ a: '{"pin": 1}', b: '{' })))
  expect(pins(policies)).toEqual({ a: 1 })
  await policies.update([file('a', '{"pin": 2}')])
  expect(pins(policies)).toEqual({ a: 2 })
})
