import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

const STARTER = fileURLToPath(new URL('./puller-starter.mts', import.meta.url))

/** What the starter says, begun by a line of a shell, in a process group of its own. */
async function said(shell: string, how: string): Promise<{ output: string; code: unknown }> {
  const script = `${shell} "$0" --import tsx "$1" "$2"`
  const starter = spawn('sh', ['-c', script, process.execPath, STARTER, how], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [output, [code]] = await Promise.all([text(starter.stdout), once(starter, 'exit')])
  return { output: output.trim(), code }
}

test.each(['used', 'closed'])(
  'without a file left to start it with it is gone, and nothing else is, when it is %s at once',
  async (how) => {
    const found = await said('ulimit -n 200; exec', how)
    expect(found).toEqual({ output: 'REGISTRY_UNAVAILABLE', code: 0 })
  },
)

test('it gives way to a server that gives way itself, and has no rights', async () => {
  expect(await said('exec nice -n 15', 'niced')).toEqual({ output: '19', code: 0 })
  expect(await said('exec nice -n 3', 'niced')).toEqual({ output: '13', code: 0 })
})
