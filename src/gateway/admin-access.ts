import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import net from 'node:net'

import { CutoverError } from '../domain/errors.ts'

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  return bare === 'localhost' || bare === '::1' || (net.isIPv4(bare) && bare.startsWith('127.'))
}

/**
 * Throws UNAUTHORIZED unless the request brings the token. Where there is none, whoever is on this
 * machine may ask, but no page in a browser on it: neither one of another origin, nor one whose
 * name was made to point here.
 */
export function checkAccess(request: IncomingMessage, token: string | undefined): void {
  const { authorization = '', host = '', origin } = request.headers
  if (token !== undefined) {
    const [, given = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
    if (!isSame(given, token)) {
      throw new CutoverError('UNAUTHORIZED', 'send the token: authorization: Bearer …')
    }
    return
  }
  const isOurs = isLoopback(host.replace(/:\d+$/, ''))
  if (!isOurs || (origin !== undefined && origin !== `http://${host}`)) {
    throw new CutoverError('UNAUTHORIZED', 'without a token, only this machine may ask')
  }
}

/** Takes as long whatever differs, the lengths included. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
