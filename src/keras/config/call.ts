import { unloadable } from '../failure.ts'
import { isList, isObject, type Json, type JsonObject } from './json.ts'
import type { Argument, Call, TensorReference } from './model.ts'

const DEPTH_MAX = 16
const KERAS_TENSOR = '__keras_tensor__'
const CONSTANT = '_CONSTANT_VALUE'

/**
 * The calls of a layer, in either dialect: `{args, kwargs}` of Keras 3, or the nested lists of
 * TensorFlow's Keras, whose tensors are `[layer, call, tensor, kwargs]`. `isLayer` tells a name
 * from any other text. Throws MODEL_UNLOADABLE.
 */
export function parseCalls(json: Json | undefined, isLayer: (name: string) => boolean): Call[] {
  if (!isList(json)) return []
  return json.map((node) =>
    isObject(node) && 'args' in node ? parseKeras3(node) : parseLegacy(node, isLayer),
  )
}

function parseKeras3(node: JsonObject): Call {
  const args = node['args']
  const kwargs = node['kwargs']
  return {
    args: isList(args) ? args.map((one) => argumentOf(one, () => false)) : [],
    kwargs: kwargsOf(kwargs, () => false),
  }
}

function parseLegacy(node: Json, isLayer: (name: string) => boolean): Call {
  const kwargs = new Map<string, Argument>()
  const input = legacyInput(node, kwargs, isLayer, 0)
  const isSingle = input.kind === 'list' && input.items.length === 1
  const only = isSingle ? input.items[0] : undefined
  return { args: [only ?? input], kwargs }
}

/** Tensors in any nesting; the keyword arguments lie inside, beside the tensors. */
function legacyInput(
  json: Json,
  kwargs: Map<string, Argument>,
  isLayer: (name: string) => boolean,
  depth: number,
): Argument {
  if (depth > DEPTH_MAX) throw malformed(json)
  if (isObject(json)) {
    const entries = Object.entries(json)
    return {
      kind: 'map',
      entries: new Map(entries.map(([k, v]) => [k, legacyInput(v, kwargs, isLayer, depth + 1)])),
    }
  }
  if (!isList(json)) throw malformed(json)
  const [first, call, tensor, more] = json
  if (typeof first !== 'string') {
    return { kind: 'list', items: json.map((v) => legacyInput(v, kwargs, isLayer, depth + 1)) }
  }
  for (const [name, value] of kwargsOf(more, isLayer)) kwargs.set(name, value)
  if (first === CONSTANT) return argumentOf(tensor ?? null, isLayer)
  return referenceOf([first, call, tensor]) ?? unreadable(json)
}

function kwargsOf(
  json: Json | undefined,
  isLayer: (name: string) => boolean,
): Map<string, Argument> {
  if (!isObject(json)) return new Map()
  return new Map(Object.entries(json).map(([name, v]) => [name, argumentOf(v, isLayer)]))
}

function argumentOf(json: Json, isLayer: (name: string) => boolean, depth = 0): Argument {
  if (depth > DEPTH_MAX) throw malformed(json)
  const inner = (value: Json | undefined) => argumentOf(value ?? null, isLayer, depth + 1)
  if (isList(json)) {
    const reference = json.length === 3 || json.length === 4 ? referenceOf(json) : undefined
    if (reference !== undefined && isLayer(reference.layer)) return reference
    return { kind: 'list', items: json.map(inner) }
  }
  if (!isObject(json)) return { kind: 'literal', value: json }
  const config = json['config']
  switch (json['class_name']) {
    case KERAS_TENSOR: {
      const history = isObject(config) ? config['keras_history'] : undefined
      return (isList(history) ? referenceOf(history) : undefined) ?? unreadable(json)
    }
    case '__slice__':
    case 'slice':
      return sliceOf(isObject(config) ? config : {}, inner)
    case '__tuple__':
      return inner(isList(json['items']) ? json['items'] : [])
    case '__ellipsis__':
      return { kind: 'literal', value: '...' }
    case '__numpy__':
    case '__tensor__':
      return inner(isObject(config) ? config['value'] : null)
    default:
      break
  }
  if ('start' in json && 'stop' in json && 'step' in json) return sliceOf(json, inner)
  if (json['type'] === 'TensorShape' || json['type'] === 'Ellipsis') {
    return json['type'] === 'Ellipsis' ? { kind: 'literal', value: '...' } : inner(json['items'])
  }
  return {
    kind: 'map',
    entries: new Map(Object.entries(json).map(([name, v]) => [name, inner(v)])),
  }
}

function sliceOf(json: JsonObject, inner: (value: Json | undefined) => Argument): Argument {
  const value = {
    start: inner(json['start']),
    stop: inner(json['stop']),
    step: inner(json['step']),
  }
  return { kind: 'literal', value }
}

/** `[layer, call, tensor]` */
export function referenceOf(json: readonly (Json | undefined)[]): TensorReference | undefined {
  const [layer, call, tensor] = json
  return typeof layer === 'string' && isIndex(call) && isIndex(tensor)
    ? { kind: 'tensor', layer, call, tensor }
    : undefined
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function unreadable(json: Json): never {
  throw malformed(json)
}

function malformed(json: Json): Error {
  const shown = JSON.stringify(json)?.slice(0, 100)
  return unloadable(`the model's configuration has a connection that makes no sense: ${shown}`)
}

/** The tensors that an argument holds, however deep. */
export function referencesIn(argument: Argument): TensorReference[] {
  switch (argument.kind) {
    case 'tensor':
      return [argument]
    case 'list':
      return argument.items.flatMap(referencesIn)
    case 'map':
      return [...argument.entries.values()].flatMap(referencesIn)
    case 'literal': {
      const { value } = argument
      if (typeof value !== 'object' || value === null) return []
      return [value.start, value.stop, value.step].flatMap(referencesIn)
    }
  }
}
