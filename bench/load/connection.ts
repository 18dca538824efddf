import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly body: Buffer
  /** Value of a header, '' when it is absent. */
  header(name: string): string
}

const HEAD_END = '\r\n\r\n'

/**
 * One keep-alive HTTP connection with one request at a time. It reads just what a prediction is
 * answered with, a Content-Length body, at half the CPU time of node:http: the load generator
 * shares the cores with what it measures. Whatever else comes is an error, never ignored.
 */
export class Connection {
  readonly #host: string
  readonly #port: number
  readonly #timeoutMs: number
  #socket: Socket | undefined

  constructor(host: string, port: number, timeoutMs: number) {
    this.#host = host
    this.#port = port
    this.#timeoutMs = timeoutMs
  }

  /** Rejects when the connection fails, ends early, stays silent or answers another protocol. */
  exchange(request: Uint8Array): Promise<Answer> {
    const socket = this.#socket ?? this.#open()
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0)
      const finish = (error: Error | undefined, answer?: Answer): void => {
        socket.removeAllListeners('data').removeAllListeners('error')
        socket.removeAllListeners('close').removeAllListeners('timeout')
        socket.on('error', () => {})
        socket.on('close', () => {
          if (this.#socket === socket) this.#socket = undefined
        })
        if (error !== undefined || answer?.header('connection').toLowerCase() === 'close') {
          this.close()
        }
        if (answer === undefined) reject(error ?? new Error('no answer'))
        else resolve(answer)
      }
      socket.on('data', (chunk) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
        try {
          const answer = parse(received)
          if (answer !== undefined) finish(undefined, answer)
        } catch (error) {
          finish(error as Error)
        }
      })
      socket.once('error', finish)
      socket.once('close', () => finish(new Error('connection closed before the answer')))
      socket.once('timeout', () => finish(new Error(`no answer within ${this.#timeoutMs} ms`)))
      socket.write(request)
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    socket.setTimeout(this.#timeoutMs)
    this.#socket = socket
    return socket
  }
}

/** Undefined while the answer is incomplete. */
function parse(received: Buffer): Answer | undefined {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = received.toString('latin1', 0, headEnd)
  const header = (name: string): string =>
    new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trim() ?? ''
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]
  const length = header('content-length')
  if (status === undefined || length === '') throw new Error(`unreadable answer: ${head}`)
  const body = received.subarray(headEnd + HEAD_END.length)
  if (body.length < Number(length)) return undefined
  if (body.length > Number(length)) throw new Error('bytes after the answer')
  return { status: Number(status), body, header }
}
