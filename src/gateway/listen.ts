import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { CutoverError, messageOf } from '../domain/errors.ts'

/**
 * Resolves with the port once connections are accepted. Throws CONFIG_INVALID when the address is
 * taken, naming the flag that gives another.
 */
export async function listen(
  server: Server,
  { host, port, flag }: { host: string; port: number; flag: string },
): Promise<number> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new CutoverError(
      'CONFIG_INVALID',
      `cannot listen on ${host} port ${port}: ${messageOf(error)} (${flag} gives another)`,
      { cause: error },
    )
  }
  return (server.address() as AddressInfo).port
}
