import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const run = promisify(execFile)

const simulate = (...args: string[]) =>
  run(process.execPath, ['--import', 'tsx', 'bench/simulate/main.ts', ...args], {
    timeout: 180_000,
  })

test('the simulator prints the same numbers, however many processes share the work', async () => {
  const args = ['--scenario', 'worse-slow', '--runs', '60', '--seed', '3', '--json']
  const [one, two] = await Promise.all([
    simulate(...args, '--processes', '1'),
    simulate(...args, '--processes', '2'),
  ])
  expect(one.stdout).toBe(two.stdout)
  const [summary] = JSON.parse(one.stdout) as [{ runs: number; rules: { rule: string }[] }]
  expect(summary).toMatchObject({ scenario: 'worse-slow', runs: 60, seed: 3 })
  expect(summary.rules[0]).toMatchObject({ rule: 'cutover', rolledBack: 1 })
})

test('a scenario that is not there ends it with a sentence', async () => {
  await expect(simulate('--scenario', 'no-such.json')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no-such.json') as string,
  })
})
