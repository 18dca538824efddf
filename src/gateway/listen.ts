import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { CutoverError, messageOf } from '../domain/errors.ts'

interface Address {
  readonly host: string
  readonly port: number
  /** Gives another port. */
  readonly flag: string
}

/**
 * Resolves with the port once connections are accepted. Throws CONFIG_INVALID when the address is
 * taken, naming the flag that gives another.
 */
export async function listen(server: Server, address: Address): Promise<number> {
  server.listen(address.port, address.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenError(error, address)
  }
  return (server.address() as AddressInfo).port
}

/** As it stands in a URL, where an IPv6 address is in brackets (RFC 3986, 3.2.2). */
export function authorityOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function listenError(error: unknown, { host, port, flag }: Address): CutoverError {
  return new CutoverError(
    'CONFIG_INVALID',
    `cannot listen on ${host} port ${port}: ${messageOf(error)} (${flag} gives another)`,
    { cause: error },
  )
}
