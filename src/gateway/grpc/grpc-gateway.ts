import { setMaxListeners } from 'node:events'

import { Server, setLogger } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'

import { authorityOf, listenError } from '../listen.ts'
import type { GatewayContext } from '../context.ts'
import { clientDeadlines } from './client-deadlines.ts'
import { credentialsOf } from './credentials.ts'
import { health } from './health.ts'
import { modelInfer } from './infer.ts'
import { loadServices } from './services.ts'
import { reflectionOf } from './reflection.ts'
import { modelStreamInfer } from './stream-infer.ts'
import { unaryCalls } from './unary-calls.ts'

const STREAMS_PER_CONNECTION_MAX = 1024
/** What a client may send of a message before it waits for the server. */
const WINDOW_BYTES = 1024 ** 2
const PING_INTERVAL_MS = 60_000
const PING_TIMEOUT_MS = 20_000

/** The Open Inference Protocol over gRPC, with health and reflection, on a port of its own. */
export class GrpcGateway {
  readonly #context: GatewayContext
  readonly #server: Server
  readonly #closing = new AbortController()

  /** Throws CONFIG_INVALID when the certificates cannot be used. */
  constructor(context: GatewayContext) {
    this.#context = context
    // Left alone, the library writes past the log. What matters it tells as an error, too.
    const tell = (...words: unknown[]) => context.logger.debug(`grpc-js: ${words.join(' ')}`)
    setLogger({ error: tell, info: tell, debug: tell })
    const { grpcMessageBytesMax, keepAliveTimeoutMs } = context.settings
    this.#server = new Server({
      'grpc.max_receive_message_length': grpcMessageBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION_MAX,
      'grpc-node.flow_control_window': WINDOW_BYTES,
      'grpc.max_connection_idle_ms': keepAliveTimeoutMs,
      'grpc.keepalive_time_ms': PING_INTERVAL_MS,
      'grpc.keepalive_timeout_ms': PING_TIMEOUT_MS,
      'grpc.enable_channelz': 0,
      interceptors: [clientDeadlines(context.settings)],
    })
    const { definition, inference, names } = loadServices()
    const closing = this.#closing.signal
    // Every open stream listens.
    setMaxListeners(0, closing)
    this.#server.addService(inference, {
      ...unaryCalls(context),
      ModelInfer: modelInfer(context),
      ModelStreamInfer: modelStreamInfer(context, closing),
    })
    this.#server.addService(healthService, health(context, names, closing))
    reflectionOf(definition).addToServer(this.#server)
  }

  /** Resolves with the port once connections are accepted. Throws CONFIG_INVALID. */
  async listen(): Promise<number> {
    const { host, grpcPort: port } = this.#context.settings
    const credentials = credentialsOf(this.#context.settings)
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(authorityOf(host, port), credentials, (error, bound) => {
        if (error === null) resolve(bound)
        else reject(listenError(error, { host, port, flag: '--grpc-port' }))
      })
    })
  }

  /**
   * Accepts no new call and resolves when every one is answered, or after `timeoutMs`, when the
   * rest is cut off. Answers whether none was.
   */
  async close(timeoutMs: number): Promise<boolean> {
    this.#closing.abort()
    let clean = true
    const timer = setTimeout(() => {
      clean = false
      this.#server.forceShutdown()
    }, timeoutMs)
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()))
    clearTimeout(timer)
    return clean
  }
}
