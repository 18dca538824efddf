import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { AdminClient } from '../../src/cli/admin-client.ts'

async function silentServer(): Promise<string> {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a command that is not answered in time may be done, and that is said', async () => {
  const admin = await silentServer()
  const client = new AdminClient({ admin }, { timeoutMs: 50 })
  await expect(client.command('m', { kind: 'pause' })).rejects.toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
    message: `no answer from ${admin} within 0.05 s: it may be done all the same, ask cutover status`,
  })
  await expect(client.rollouts()).rejects.toThrow(`no answer from ${admin} within 0.05 s`)
})

test('an address at which nothing listens is no server', async () => {
  const client = new AdminClient({ admin: 'http://127.0.0.1:1' })
  await expect(client.command('m', { kind: 'pause' })).rejects.toThrow('no server answers at')
})
