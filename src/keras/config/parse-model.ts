import { unloadable, unsupported } from '../failure.ts'
import { parseCalls, referenceOf, referencesIn } from './call.ts'
import { isList, isObject, type Json, type JsonObject } from './json.ts'
import { LayerConfig } from './layer-config.ts'
import type { Layer, Model, NamedReference, TensorReference } from './model.ts'

const DEPTH_MAX = 32
const LAYERS_MAX = 50_000
const FUNCTIONAL = new Set(['Functional', 'Model', 'Sequential'])

/**
 * A model's configuration, from either format and any dialect. Throws FORMAT_UNSUPPORTED for
 * models of custom classes, MODEL_UNLOADABLE for what cannot be understood.
 */
export function parseModel(text: string): Model {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw unloadable("the model's configuration is damaged: it is no JSON", error)
  }
  const parser = new Parser()
  return parser.model(objectOf(json, "the model's configuration"), 0)
}

export function isModelClass(className: string): boolean {
  return FUNCTIONAL.has(className)
}

class Parser {
  #layers = 0

  model(json: JsonObject, depth: number): Model {
    if (depth > DEPTH_MAX) throw unloadable(`models lie in models more than ${DEPTH_MAX} deep`)
    const className = json['class_name']
    if (typeof className !== 'string') {
      throw unloadable('the file is no Keras model: its configuration names no class')
    }
    if (!isModelClass(className) || isCustom(json)) throw customModel(className)
    const config = json['config']
    // The oldest Sequential models were lists.
    const values: JsonObject = isList(config) ? { layers: config } : objectOf(config, className)
    const name = typeof values['name'] === 'string' ? values['name'] : className.toLowerCase()
    const listed = values['layers']
    if (!isList(listed)) throw customModel(className)
    if (className === 'Sequential') return this.#sequential(name, values, listed, depth)
    const names = new Set(listed.map((one) => nameOf(one)))
    const layers = listed.map((one) => this.#layer(one, depth, (name) => names.has(name)))
    const byName = new Map(layers.map((layer) => [layer.name, layer]))
    if (byName.size !== layers.length) throw unloadable(`${name} has two layers of one name`)
    const ends = (key: string) => endsOf(values[key], `${key} of ${name}`, byName)
    const inputs = ends('input_layers')
    const outputs = ends('output_layers')
    if (!listed.some(isOfKeras3)) {
      return { name, className, layers: withFirstCalls(layers, outputs), inputs, outputs }
    }
    // Keras 3 counts that way at the end of a model alone.
    const counted = outputs.map((end) => {
      const nested = byName.get(end.layer)?.model
      const from1 = nested !== undefined && nested.className !== 'Sequential'
      return from1 ? { ...end, call: Math.max(0, end.call - 1) } : end
    })
    return { name, className, layers, inputs, outputs: counted }
  }

  #sequential(name: string, values: JsonObject, listed: readonly Json[], depth: number): Model {
    const parsed = listed.map((one) => this.#layer(one, depth, () => false))
    const [first] = parsed
    if (first === undefined) throw unloadable(`${name} has no layers`)
    const stack = first.className === 'InputLayer' ? parsed : [inputFor(first, values), ...parsed]
    const layers = stack.map((layer, at): Layer => {
      const previous = stack[at - 1]
      if (previous === undefined) return layer
      const input: TensorReference = { kind: 'tensor', layer: previous.name, call: 0, tensor: 0 }
      return { ...layer, calls: [{ args: [input], kwargs: new Map() }] }
    })
    if (new Set(layers.map((layer) => layer.name)).size !== layers.length) {
      throw unloadable(`${name} has two layers of one name`)
    }
    const end = (layer: Layer | undefined): NamedReference[] =>
      layer === undefined
        ? []
        : [{ kind: 'tensor', layer: layer.name, call: 0, tensor: 0, name: layer.name }]
    return {
      name,
      className: 'Sequential',
      layers,
      inputs: end(layers[0]),
      outputs: end(layers.at(-1)),
    }
  }

  #layer(given: Json, depth: number, isLayer: (name: string) => boolean): Layer {
    this.#layers++
    if (this.#layers > LAYERS_MAX) throw unloadable(`it has more than ${LAYERS_MAX} layers`)
    const json = objectOf(given, 'a layer')
    const className = json['class_name']
    if (typeof className !== 'string') throw unloadable('a layer without a class')
    const name = nameOf(json)
    const module = typeof json['module'] === 'string' ? json['module'] : undefined
    if (isCustom(json)) {
      throw unsupported(
        `${name} is of the custom class ${customName(json)}: its Python code is not run here. ` +
          'Build the model of the layers of Keras, or export it to ONNX',
      )
    }
    const nested = isModelClass(className) ? this.model(json, depth + 1) : undefined
    const config = isObject(json['config']) ? json['config'] : {}
    return {
      name,
      className,
      module,
      trainable: config['trainable'] !== false,
      config: new LayerConfig(config, `${className} ${name}`),
      calls: parseCalls(json['inbound_nodes'], isLayer),
      firstCall: 0,
      model: nested,
    }
  }
}

/**
 * TensorFlow's Keras counts the calls of a nested model from 1, as it was called once when it was
 * made. A call that nothing refers to is not saved, so the last one referred to is the last one.
 */
function withFirstCalls(layers: readonly Layer[], ends: readonly NamedReference[]): Layer[] {
  const last = new Map<string, number>()
  const inner = layers.flatMap(({ calls }) =>
    calls.flatMap(({ args, kwargs }) => [...args, ...kwargs.values()].flatMap(referencesIn)),
  )
  for (const { layer, call } of [...inner, ...ends]) {
    last.set(layer, Math.max(call, last.get(layer) ?? 0))
  }
  return layers.map((layer) => {
    const count = Math.max(1, layer.calls.length)
    return { ...layer, firstCall: Math.max(0, (last.get(layer.name) ?? 0) + 1 - count) }
  })
}

/** A Sequential model that was built without an Input says elsewhere what it was built for. */
function inputFor(first: Layer, values: JsonObject): Layer {
  const name = `${first.name}_input`
  const { values: config } = first.config
  const built = values['build_input_shape'] ?? null
  const shape =
    config['batch_shape'] ?? config['batch_input_shape'] ?? built ?? inputOf(first.model)
  const dtype = config['batch_input_shape'] === undefined ? inputDtype(first) : config['dtype']
  const json: JsonObject = { name, batch_shape: shape ?? null, dtype: dtype ?? 'float32' }
  return {
    name,
    className: 'InputLayer',
    module: undefined,
    trainable: false,
    config: new LayerConfig(json, `the input of ${first.name}`),
    calls: [],
    firstCall: 0,
  }
}

function inputOf(model: Model | undefined): Json | undefined {
  const input = model?.layers.find(({ name }) => name === model.inputs[0]?.layer)
  return input?.config.get('batch_shape') ?? input?.config.get('batch_input_shape')
}

function inputDtype(first: Layer): Json | undefined {
  const input = first.model?.layers.find(({ name }) => name === first.model?.inputs[0]?.layer)
  if (input !== undefined) return input.config.get('dtype')
  return first.className === 'Embedding' ? 'int32' : undefined
}

/** The tensors a model begins or ends with: one, a list, or a dictionary by name. */
function endsOf(
  json: Json | undefined,
  what: string,
  layers: ReadonlyMap<string, Layer>,
): NamedReference[] {
  const found = endReferences(json).map(({ reference, key }) => {
    if (!layers.has(reference.layer)) throw unloadable(`${what}: no layer ${reference.layer}`)
    return { ...reference, name: key ?? reference.layer }
  })
  if (found.length === 0) throw unloadable(`${what} names no tensor`)
  return found
}

function endReferences(
  json: Json | undefined,
  key?: string,
  depth = 0,
): { reference: TensorReference; key: string | undefined }[] {
  if (depth > DEPTH_MAX) throw unloadable('the ends of a model are nested too deep')
  const reference = isList(json) ? referenceOf(json) : undefined
  if (reference !== undefined) return [{ reference, key }]
  if (isList(json)) return json.flatMap((one) => endReferences(one, undefined, depth + 1))
  if (!isObject(json)) return []
  // Keras orders dictionaries by their keys.
  const keys = Object.keys(json).sort()
  return keys.flatMap((name) => endReferences(json[name], name, depth + 1))
}

/** Its calls are objects, not lists. */
function isOfKeras3(layer: Json): boolean {
  const calls = isObject(layer) ? layer['inbound_nodes'] : undefined
  return isList(calls) && calls.some(isObject)
}

function nameOf(given: Json): string {
  if (!isObject(given)) return ''
  const config = given['config']
  const name = given['name'] ?? (isObject(config) ? config['name'] : undefined)
  if (typeof name === 'string') return name
  throw unloadable('a layer without a name')
}

function isCustom(json: JsonObject): boolean {
  const registered = json['registered_name']
  const module = json['module']
  if (typeof module === 'string' && module !== 'builtins') {
    return !/^(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)/.test(module)
  }
  // A builtin's registered name is its own, or absent.
  return typeof registered === 'string' && registered.includes('>') && !/^Keras/i.test(registered)
}

function customName(json: JsonObject): string {
  const registered = json['registered_name']
  return JSON.stringify(typeof registered === 'string' ? registered : json['class_name'])
}

function customModel(className: string): Error {
  return unsupported(
    `the model is of the class ${className}, whose Python code is not run here: ` +
      'save a Sequential or Functional model, or export it to ONNX',
  )
}

function objectOf(value: unknown, what: string): JsonObject {
  if (isObject(value)) return value
  throw unloadable(`${what} is not what Keras writes: expected an object`)
}
