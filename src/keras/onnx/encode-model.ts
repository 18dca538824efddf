import { dataTypeOf } from '../graph/data-type.ts'
import type { Attribute, Dim, Graph, Node, Value } from '../graph/ir.ts'
import { Message } from './wire.ts'

/**
 * The set of operators, and the version of the format that came with it. From 19 on onnxruntime
 * 1.30 has no fast AveragePool (measured: six times as long).
 */
const OPSET = 18
const IR_VERSION = 8
/** A protobuf message cannot exceed 2 GB: beyond this, constants go to a file of their own. */
const INLINE_BYTES_MAX = 1.5e9
/** What stays in the model in any case: shapes and the like are needed to open it. */
const EXTERNAL_BYTES_MIN = 1024

export interface EncodedModel {
  readonly model: Message
  /** Constants that go to a second file, one after the other. */
  readonly external: readonly Value[]
}

/**
 * A graph as an ONNX ModelProto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Large
 * models get a second file, which must be called `externalName`.
 */
export function encodeModel(
  graph: Graph,
  producer: string,
  externalName: string,
  inlineBytesMax = INLINE_BYTES_MAX,
): EncodedModel {
  const constants = constantsOf(graph)
  const total = constants.reduce((sum, { constant }) => sum + (constant?.bytes ?? 0), 0)
  const isLarge = total > inlineBytesMax
  const external: Value[] = []
  let offset = 0
  const body = new Message()
  for (const node of graph.nodes) body.message(1, nodeProto(node))
  body.string(2, graph.name)
  for (const value of constants) {
    const bytes = value.constant?.bytes ?? 0
    const isExternal = isLarge && bytes >= EXTERNAL_BYTES_MIN
    body.message(5, tensorProto(value, isExternal ? { externalName, offset } : undefined))
    if (!isExternal) continue
    external.push(value)
    offset += bytes
  }
  for (const value of graph.inputs) body.message(11, valueInfo(value))
  for (const value of graph.outputs) body.message(12, valueInfo(value))
  const model = new Message()
    .int(1, IR_VERSION)
    .string(2, producer)
    .message(7, body)
    .message(8, new Message().string(1, '').int(2, OPSET))
  return { model, external }
}

/** The constants that nodes use, each once. */
export function constantsOf({ nodes, outputs }: Graph): Value[] {
  const found = new Set<Value>()
  for (const node of nodes) {
    for (const value of node.inputs) if (value?.constant !== undefined) found.add(value)
  }
  for (const value of outputs) if (value.constant !== undefined) found.add(value)
  return [...found]
}

function nodeProto({ op, name, inputs, outputs, attributes }: Node): Message {
  const message = new Message()
  for (const value of inputs) message.string(1, value?.name ?? '')
  for (const value of outputs) message.string(2, value.name)
  message.string(3, name).string(4, op)
  for (const [key, attribute] of Object.entries(attributes)) {
    message.message(5, attributeProto(key, attribute))
  }
  return message
}

/** The numbers are those of AttributeProto: its fields, and its AttributeType in field 20. */
function attributeProto(name: string, attribute: Attribute): Message {
  const message = new Message().string(1, name)
  switch (attribute.kind) {
    case 'float':
      return message.float(2, attribute.value).int(20, 1)
    case 'int':
      return message.int(3, attribute.value).int(20, 2)
    case 'string':
      return message.string(4, attribute.value).int(20, 3)
    case 'floats':
      return message.floats(7, attribute.value).int(20, 6)
    case 'ints':
      return message.ints(8, attribute.value).int(20, 7)
    case 'strings':
      for (const one of attribute.value) message.string(9, one)
      return message.int(20, 8)
  }
}

function tensorProto(
  { name, dtype, shape, constant }: Value,
  external: { externalName: string; offset: number } | undefined,
): Message {
  if (constant === undefined) throw new TypeError(`${name} is not constant`)
  const message = new Message().ints(1, shape.map(Number)).int(2, dataTypeOf(dtype)).string(8, name)
  if (external === undefined) return message.deferred(9, constant.bytes, () => constant.load())
  const { externalName, offset } = external
  const entries = { location: externalName, offset, length: constant.bytes }
  for (const [key, value] of Object.entries(entries)) {
    message.message(13, new Message().string(1, key).string(2, String(value)))
  }
  return message.int(14, 1)
}

function valueInfo({ name, dtype, shape }: Value): Message {
  const dims = new Message()
  shape.forEach((size, axis) => dims.message(1, dimension(size, axis, name)))
  const tensor = new Message().int(1, dataTypeOf(dtype)).message(2, dims)
  return new Message().string(1, name).message(2, new Message().message(1, tensor))
}

/** All batches are the same size; any other open size is one of its own. */
function dimension(size: Dim, axis: number, name: string): Message {
  if (size !== null) return new Message().int(1, size)
  return new Message().string(2, axis === 0 ? 'batch' : `${name}_${axis}`)
}
