import type { Request, Response } from 'express'

import type { GatewayContext } from './context.ts'
import type { Exchange } from './exchange.ts'

/** Dispatched on node:http itself: Express costs a few tenths of a millisecond a request. */
export interface HotRoute {
  readonly method: 'POST'
  readonly path: RegExp
  readonly protocol: string
  /** May throw before it returns a promise. */
  readonly handle: (
    context: GatewayContext,
    exchange: Exchange,
    params: Readonly<Record<string, string>>,
  ) => Promise<void>
}

/** Served by Express; a body arrives as text. */
export interface ColdRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string | RegExp
  /** Whether HEAD is answered as GET is, without the body; it is unless this says no. */
  readonly head?: boolean
  readonly handle: (
    context: GatewayContext,
    request: Request,
    response: Response,
  ) => void | Promise<void>
}
