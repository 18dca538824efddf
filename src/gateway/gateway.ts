import { Buffer } from 'node:buffer'
import {
  createServer,
  type IncomingMessage,
  type Server,
  STATUS_CODES,
  type ServerResponse,
} from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { CutoverError } from '../domain/errors.ts'
import { checkAnnouncedLength } from './body.ts'
import { coldApp, methodNotAllowed } from './cold-app.ts'
import type { GatewayContext } from './context.ts'
import { Exchange, LINGER_MS } from './exchange.ts'
import { httpErrorOf } from './http-errors.ts'
import { listen } from './listen.ts'
import { HotPaths } from './hot-paths.ts'
import { COLD_ROUTES, HOT_ROUTES } from './routes.ts'
import { closeWaitingAnswers } from './waiting-answers.ts'

/** How often node:http looks for clients that stall. */
const STALL_CHECK_MS = 500
/** How long a connection may stay without a request once the listener is closed. */
const IDLE_SWEEP_MS = 200

/** The HTTP front: one node:http server, the hot routes first, Express behind. */
export class Gateway {
  readonly #context: GatewayContext
  readonly #server: Server
  readonly #paths = new HotPaths(HOT_ROUTES)
  readonly #sockets = new Set<Socket>()
  /** The last one of each connection. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>()
  #leaving = false

  constructor(context: GatewayContext) {
    this.#context = context
    const cold = coldApp(context, COLD_ROUTES)
    const { settings } = context
    this.#server = createServer({
      // node:http refuses headers that may take longer than the whole request.
      headersTimeout: Math.min(settings.headersTimeoutMs, settings.bodyTimeoutMs),
      requestTimeout: settings.bodyTimeoutMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      connectionsCheckingInterval: STALL_CHECK_MS,
      noDelay: true,
    })
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      this.#answers.set(request.socket, response)
      if (this.#leaving) response.setHeader('connection', 'close')
      if (!this.#hot(request, response)) cold(request, response)
    }
    this.#server.on('request', onRequest)
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      // A client that asks first is told before it sends.
      if (isAnnouncedWithin(request, settings.bodyBytesMax)) response.writeContinue()
      onRequest(request, response)
    })
    // A socket's time-out is one without a byte in either direction, of answers in parts, too.
    this.#server.setTimeout(settings.answerTimeoutMs, (socket) => this.#cutOffIfStalled(socket))
    closeWaitingAnswers(this.#server)
    this.#server.on('clientError', (error: Error & { code?: string }, socket) =>
      refuseBroken(error, socket, this.#answers.get(socket)),
    )
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Resolves with the port once connections are accepted; rejects when the address is taken. */
  listen(): Promise<number> {
    const { host, port } = this.#context.settings
    return listen(this.#server, { host, port, flag: '--port' })
  }

  /** From now on every answer asks its client to connect anew, elsewhere. */
  leave(): void {
    this.#leaving = true
  }

  /**
   * Accepts no new connection and resolves when every request is answered, or after `timeoutMs`,
   * when the rest is cut off. Answers whether none was.
   */
  async close(timeoutMs: number): Promise<boolean> {
    this.leave()
    let clean = true
    // A connection that waits to be accepted when the listener closes is reset by the kernel: close
    // right after the event loop accepted all there were.
    await nextTurn()
    // The http server's own close() cuts idle connections at once, and with them a request that is
    // on its way over one: the listener goes first, what is idle a moment later.
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    const sweep = setInterval(() => this.#closeIdle(), IDLE_SWEEP_MS)
    const timer = setTimeout(() => {
      clean = false
      this.#server.closeAllConnections()
    }, timeoutMs)
    await closed
    clearTimeout(timer)
    clearInterval(sweep)
    // Ends the timer with which it looks for clients that stall.
    this.#server.close()
    return clean
  }

  /**
   * Called when nothing went over a connection for a while. With a listener of ours node:http leaves
   * it to us to close those that are idle, too.
   */
  #cutOffIfStalled(socket: Socket): void {
    const isIdle = this.#answers.get(socket)?.writableFinished ?? true
    if (isIdle || socket.writableLength > 0) socket.destroy()
  }

  /** To node:http a connection is idle whose answer is written, though its client has yet to read it. */
  #closeIdle(): void {
    for (const { writableLength } of this.#sockets) if (writableLength > 0) return
    this.#server.closeIdleConnections()
  }

  /** Answers true when the request was one of the hot routes'. */
  #hot(request: IncomingMessage, response: ServerResponse): boolean {
    const url = originForm(request.url ?? '/')
    const queryAt = url.indexOf('?')
    const path = queryAt < 0 ? url : url.slice(0, queryAt)
    const match = this.#paths.match(path)
    if (match === undefined) return false
    const { route, params } = match
    const query = queryAt < 0 ? '' : url.slice(queryAt + 1)
    const exchange = new Exchange(this.#context, route.protocol, request, response, query)
    if (request.method !== route.method) {
      response.setHeader('allow', route.method)
      exchange.fail(methodNotAllowed(route.method))
      return true
    }
    const fail = (error: unknown) => exchange.fail(error)
    try {
      route.handle(this.#context, exchange, params).catch(fail)
    } catch (error) {
      fail(error)
    }
    return true
  }
}

function isAnnouncedWithin(request: IncomingMessage, bytesMax: number): boolean {
  try {
    checkAnnouncedLength(request, bytesMax)
    return true
  } catch {
    return false
  }
}

/**
 * What node:http could not read as a request, or was not sent in time. `last`: the answer to the
 * last request that it could.
 */
function refuseBroken(
  error: Error & { code?: string },
  socket: Duplex,
  last: ServerResponse | undefined,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  if (last?.headersSent === true && !last.req.complete) {
    // It has its answer, and a second one must not follow. While it may read that one, it is let be.
    if (last.writableEnded) socket.destroy()
    return
  }
  const { status, body } = httpErrorOf(
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new CutoverError('REQUEST_TIMEOUT', 'the request did not arrive in time')
      : new CutoverError('REQUEST_INVALID', 'this is not an HTTP request'),
  )
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // Its end is ours alone: a client that goes on would keep the connection.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** A target may name the server (RFC 9112, 3.2.2): the path that it asks for. */
function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(AUTHORITY, '')
}

const AUTHORITY = /^https?:\/\/[^/?#]*/i
