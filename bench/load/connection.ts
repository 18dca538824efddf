import { connect, type Socket } from 'node:net'

/** One whole answer; its bytes are valid until the next one is asked for. */
export interface Answer {
  readonly status: number
  readonly body: Buffer
  /** Value of a header, '' when it is absent. */
  header(name: string): string
}

const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = Buffer.from('\r\ncontent-length: ')
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024)
const STATUS_AT = 'HTTP/1.1 '.length

/**
 * One keep-alive HTTP connection with one request at a time. It reads just what a prediction is
 * answered with, a Content-Length body, at a fraction of the CPU time of node:http: the load
 * generator shares the cores with what it measures. Whatever else comes is an error, never ignored.
 */
export class Connection {
  readonly #host: string
  readonly #port: number
  readonly #timeoutMs: number
  #socket: Socket | undefined
  #received: Buffer | undefined
  #settle: ((error: Error | undefined, answer?: Answer) => void) | undefined

  constructor(host: string, port: number, timeoutMs: number) {
    this.#host = host
    this.#port = port
    this.#timeoutMs = timeoutMs
  }

  /** Rejects when the connection fails, ends early, stays silent or answers another protocol. */
  exchange(request: Uint8Array): Promise<Answer> {
    const socket = this.#socket ?? this.#open()
    return new Promise((resolve, reject) => {
      this.#settle = (error, answer) => {
        this.#settle = undefined
        this.#received = undefined
        if (answer === undefined) reject(error ?? new Error('no answer'))
        else resolve(answer)
      }
      socket.write(request)
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #open(): Socket {
    const socket = connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      // Else each read takes 64 KB of new memory.
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes, buffer) => {
          try {
            this.#receive(buffer.subarray(0, bytes) as Buffer)
          } catch (error) {
            fail(error as Error)
          }
          return true
        },
      },
    })
    const fail = (error: Error): void => {
      if (this.#socket !== socket) return
      this.close()
      this.#settle?.(error)
    }
    socket.setTimeout(this.#timeoutMs)
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('connection closed before the answer')))
    socket.on('timeout', () => fail(new Error(`no answer within ${this.#timeoutMs} ms`)))
    this.#socket = socket
    return socket
  }

  #receive(chunk: Buffer): void {
    if (this.#settle === undefined) throw new Error('bytes that nobody asked for')
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk])
    const answer = parse(received)
    if (answer === undefined) {
      // The buffer is read into again, by any connection.
      this.#received = Buffer.from(received)
      return
    }
    if (answer.header('connection').toLowerCase() === 'close') this.close()
    this.#settle(undefined, answer)
  }
}

/** Undefined while the answer is incomplete. */
function parse(received: Buffer): Answer | undefined {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = () => received.toString('latin1', 0, headEnd)
  const header = (name: string): string =>
    new RegExp(`^${name}: *(.*)$`, 'im').exec(head())?.[1]?.trim() ?? ''
  const status = Number(received.toString('latin1', STATUS_AT, STATUS_AT + 3))
  const length = lengthOf(received) ?? header('content-length')
  if (!(status > 0) || length === '') throw new Error(`unreadable answer: ${head()}`)
  const body = received.subarray(headEnd + HEAD_END.length)
  if (body.length < Number(length)) return undefined
  if (body.length > Number(length)) throw new Error('bytes after the answer')
  return { status, body, header }
}

/** The header as it is mostly written, found without reading the others. */
function lengthOf(received: Buffer): string | undefined {
  const at = received.indexOf(LENGTH)
  if (at < 0) return undefined
  return received.toString('latin1', at + LENGTH.length, received.indexOf(13, at + LENGTH.length))
}
