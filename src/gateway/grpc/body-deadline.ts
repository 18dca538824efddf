import {
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js'

/**
 * Ends a call whose request has not arrived after `timeoutMs`, as HTTP's requests are: half a
 * message is memory. A stream may wait for as long as its client lives.
 */
export function bodyDeadline(timeoutMs: number): ServerInterceptor {
  return ({ requestStream }, call) => {
    if (requestStream) return new ServerInterceptingCall(call)
    return new ServerInterceptingCall(call, {
      start: (next) => {
        const timer = setTimeout(() => {
          const details = 'the request did not arrive in time'
          call.sendStatus({ code: status.DEADLINE_EXCEEDED, details })
        }, timeoutMs)
        next(
          new ServerListenerBuilder()
            .withOnReceiveHalfClose((next) => {
              clearTimeout(timer)
              next()
            })
            .withOnCancel(() => clearTimeout(timer))
            .build(),
        )
      },
    })
  }
}
