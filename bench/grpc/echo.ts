import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'

import { asBytes, type EchoMessage, INFER_PATH } from './protocol.ts'

/** What gRPC costs by itself in Node.js: a server that sends every message back as it came. */
const server = new Server({ 'grpc.enable_channelz': 0 })
const echo = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void =>
  answer(null, call.request)
server.register(INFER_PATH, echo, asBytes, asBytes, 'unary')
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.send?.({ kind: 'listening', port } satisfies EchoMessage)
})
process.on('disconnect', () => process.exit())
