import protobuf from 'protobufjs/minimal.js'

/** Before each message of gRPC: whether it is compressed, and its length. */
export const PREFIX_BYTES = 5

/** A ModelInferRequest of the model `tiny`, FP32 [1, 4], raw, as the body of a call: not compressed. */
export function tinyRequest(): Buffer {
  const writer = protobuf.Writer.create().uint32(0x0a).string('tiny').uint32(0x2a).fork()
  writer.uint32(0x0a).string('x').uint32(0x12).string('FP32')
  writer.uint32(0x1a).fork().int64(1).int64(4).ldelim().ldelim()
  const message = writer.uint32(0x3a).bytes(Buffer.alloc(16)).finish()
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
