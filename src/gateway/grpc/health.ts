import { setTimeout as sleep } from 'node:timers/promises'

import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'

import type { GatewayContext } from '../context.ts'
import { sentenceOf } from './grpc-errors.ts'

const WATCH_INTERVAL_MS = 200
const WATCHERS_MAX = 100

interface HealthRequest {
  readonly service: string
}

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'
}

/**
 * grpc.health.v1.Health: the server, as '', and its services are SERVING while requests are
 * welcome. Watches end when `closing` is aborted.
 */
export function health(
  context: GatewayContext,
  services: ReadonlySet<string>,
  closing: AbortSignal,
): UntypedServiceImplementation {
  let watchers = 0
  const now = (): HealthResponse['status'] =>
    context.unready() === undefined ? 'SERVING' : 'NOT_SERVING'
  const knows = (service: string) => service === '' || services.has(service)

  const check: handleUnaryCall<HealthRequest, HealthResponse> = (call, callback) => {
    const { service } = call.request
    if (knows(service)) callback(null, { status: now() })
    else {
      const details = sentenceOf({ message: `there is no service ${service}` })
      callback({ code: status.NOT_FOUND, details })
    }
  }

  const list: handleUnaryCall<object, object> = (_call, callback) => {
    const statuses = ['', ...services].map((service) => [service, { status: now() }])
    callback(null, { statuses: Object.fromEntries(statuses) as object })
  }

  const watch: handleServerStreamingCall<HealthRequest, HealthResponse> = (call) => {
    if (watchers >= WATCHERS_MAX) {
      const details = `${WATCHERS_MAX} clients watch already: ask with Check`
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details })
      return
    }
    watchers++
    const gone = new AbortController()
    call.on('cancelled', () => gone.abort())
    const ended = AbortSignal.any([gone.signal, closing])
    const told = async () => {
      let last: HealthResponse['status'] | undefined
      while (!ended.aborted) {
        const next = knows(call.request.service) ? now() : 'SERVICE_UNKNOWN'
        if (next !== last) call.write({ status: next })
        last = next
        await sleep(WATCH_INTERVAL_MS, undefined, { signal: ended }).catch(() => undefined)
      }
      watchers--
      call.end()
    }
    void told()
  }

  return { Check: check, List: list, Watch: watch }
}
