import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Has every answer of the server tell by `close` that its connection is gone. node:http does so for
 * the one whose turn it is, and not for those that wait behind it on the same connection.
 */
export function closeWaitingAnswers(server: Server): void {
  const waiting = new WeakMap<Socket, Set<ServerResponse>>()
  const watch = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    // It is its turn.
    if (response.socket !== null) return
    const behind = waiting.get(socket) ?? newly(socket)
    behind.add(response)
    response.once('close', () => behind.delete(response))
  }
  const newly = (socket: Socket): Set<ServerResponse> => {
    const behind = new Set<ServerResponse>()
    waiting.set(socket, behind)
    socket.once('close', () => {
      for (const each of behind) if (each.socket === null) each.emit('close')
    })
    return behind
  }
  server.on('request', watch)
  // Who listens to it answers it: not listened to, it becomes a request.
  if (server.listenerCount('checkContinue') > 0) server.on('checkContinue', watch)
}
