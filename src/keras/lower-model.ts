import { isDType, type DType } from '../domain/tensor.ts'
import { referencesIn } from './config/call.ts'
import type { LayerConfig } from './config/layer-config.ts'
import { isList, isObject, type Json } from './config/json.ts'
import type { Argument, Call, Layer, Model, NamedReference } from './config/model.ts'
import { CutoverError } from '../domain/errors.ts'
import { unloadable, unsupported } from './failure.ts'
import type { GraphBuilder } from './graph/builder.ts'
import type { Dim } from './graph/ir.ts'
import { Tensor } from './graph/tensor.ts'
import { kindOf } from './layers/index.ts'
import type { LayerCall, Result, Value } from './layers/layer-kind.ts'
import type { StoredTensor } from './read/stored-tensor.ts'
import type { Weights } from './read/weights.ts'

const CALLS_MAX = 100_000

export interface LoweringContext {
  /** How many layers have been called: models that call models can be very many. */
  readonly count: { calls: number }
  readonly graph: GraphBuilder
  readonly weights: Weights
  readonly kerasMajor: number
  readonly warn: (sentence: string) => void
}

/**
 * Makes the nodes of a model that is called with these tensors. Resolves with its outputs in
 * order. Throws FORMAT_UNSUPPORTED or MODEL_UNLOADABLE with the layer's name.
 */
export function lowerModel(
  context: LoweringContext,
  model: Model,
  inputs: readonly Tensor[],
): Tensor[] {
  if (inputs.length !== model.inputs.length) {
    throw unloadable(
      `${model.name} takes ${model.inputs.length} inputs and is called with ${inputs.length}`,
    )
  }
  const results = new Map<string, readonly Tensor[]>()
  model.inputs.forEach(({ layer }, at) => {
    const input = inputs[at]
    if (input !== undefined) results.set(keyOf(layer, 0), [input])
  })
  for (const { layer, call, at } of inOrder(model)) {
    const key = keyOf(layer.name, at)
    if (results.has(key)) continue
    results.set(key, callLayer(context, layer, call, results))
  }
  return model.outputs.map((output) => tensorOf(results, output))
}

interface Step {
  readonly layer: Layer
  readonly call: Call
  readonly at: number
}

/** The calls that the outputs depend on, each after those it depends on itself. */
function inOrder(model: Model): Step[] {
  const layers = new Map(model.layers.map((layer) => [layer.name, layer]))
  const given = new Set(model.inputs.map(({ layer }) => layer))
  const state = new Map<string, 'open' | 'done'>()
  const order: Step[] = []
  const pending: { layer: string; call: number }[] = model.outputs.toReversed()
  while (pending.length > 0) {
    const { layer: name, call: at } = pending[pending.length - 1] ?? { layer: '', call: 0 }
    const key = keyOf(name, at)
    const layer = layers.get(name)
    const isDone = state.get(key) === 'done' || given.has(name)
    if (isDone) {
      pending.pop()
      continue
    }
    const call = layer?.calls[at - layer.firstCall]
    if (layer === undefined || call === undefined) {
      throw unloadable(`${model.name} refers to call ${at} of ${name}, which it does not have`)
    }
    if (state.get(key) === 'open') {
      state.set(key, 'done')
      order.push({ layer, call, at })
      pending.pop()
      continue
    }
    state.set(key, 'open')
    for (const argument of [...call.kwargs.values(), ...call.args].toReversed()) {
      for (const reference of referencesIn(argument)) {
        if (state.get(keyOf(reference.layer, reference.call)) === 'open') {
          throw unloadable(`the layers of ${model.name} form a circle at ${reference.layer}`)
        }
        pending.push(reference)
      }
    }
  }
  return order
}

function callLayer(
  context: LoweringContext,
  layer: Layer,
  call: Call,
  results: ReadonlyMap<string, readonly Tensor[]>,
): readonly Tensor[] {
  const resolve = (argument: Argument) => valueOf(argument, results)
  const args = call.args.map(resolve)
  const kwargs = new Map([...call.kwargs].map(([name, one]) => [name, resolve(one)]))
  const result = invoke(context, layer, { args, kwargs, inputs: tensorsIn(args[0] ?? null) }, '')
  return result instanceof Tensor ? [result] : result
}

interface Invocation {
  readonly args: readonly Value[]
  readonly kwargs: ReadonlyMap<string, Value>
  readonly inputs: readonly Tensor[]
}

/** `prefix` leads from the layer that owns the variables to this one, which lies in it. */
function invoke(
  context: LoweringContext,
  layer: Layer,
  { args, kwargs, inputs }: Invocation,
  prefix: string,
  owner: Layer = layer,
): Result {
  context.count.calls++
  if (context.count.calls > CALLS_MAX) {
    throw unsupported(`its layers are called more than ${CALLS_MAX} times`)
  }
  if (layer.model !== undefined) return lowerModel(context, layer.model, inputs)
  const { graph } = context
  graph.scope = layer.name
  checkPolicy(context, layer)
  const variables = context.weights.get(owner)
  const call: LayerCall = {
    ...context,
    layer,
    config: layer.config,
    inputs,
    args,
    kwargs,
    weight: (key, shape) => checked(variables?.get(prefix + key), owner, prefix + key, shape),
    inner: (key, inner, tensors, more = new Map()) =>
      invoke(
        context,
        inner,
        { args: [tensors], kwargs: more, inputs: tensors },
        `${prefix}${key}/`,
        owner,
      ),
  }
  try {
    return kindOf(layer).lower(call)
  } catch (error) {
    throw located(error, layer)
  }
}

/** Errors of shapes and the like do not know in which layer they happened. */
function located(error: unknown, { className, name }: Layer): unknown {
  if (!(error instanceof CutoverError) || error.message.includes(name)) return error
  return new CutoverError(error.code, `${className} ${name}: ${error.message}`, { cause: error })
}

function checked(
  found: StoredTensor | undefined,
  { className, name }: Layer,
  key: string,
  shape: readonly (number | null)[],
): StoredTensor {
  if (found === undefined) {
    throw unloadable(`the file has no ${key} for ${className} ${name}: its weights are incomplete`)
  }
  const fits =
    found.shape.length === shape.length &&
    shape.every((size, axis) => size === null || size === found.shape[axis])
  if (fits) return found
  throw unloadable(
    `the ${key} of ${className} ${name} has the shape [${found.shape.join()}], ` +
      `but its configuration needs [${shape.map((size) => size ?? '?').join()}]`,
  )
}

function checkPolicy({ warn }: LoweringContext, { config }: Layer): void {
  const policy = policyOf(config.get('dtype'))
  if (policy !== undefined && /float16|float64/.test(policy)) {
    warn(`layers of the type ${policy} are computed in float32`)
  }
}

/** A name, or an object with one. */
function policyOf(dtype: Json | undefined): string | undefined {
  if (typeof dtype === 'string') return dtype
  const config = isObject(dtype) ? dtype['config'] : undefined
  const name = isObject(config) ? config['name'] : undefined
  return typeof name === 'string' ? name : undefined
}

function valueOf(argument: Argument, results: ReadonlyMap<string, readonly Tensor[]>): Value {
  const inner = (one: Argument) => valueOf(one, results)
  switch (argument.kind) {
    case 'tensor':
      return tensorOf(results, argument)
    case 'list':
      return argument.items.map(inner)
    case 'map':
      return new Map([...argument.entries].map(([name, one]) => [name, inner(one)]))
    case 'literal': {
      const { value } = argument
      if (typeof value !== 'object' || value === null) return value
      const { start, stop, step } = value
      return { range: { start: inner(start), stop: inner(stop), step: inner(step) } }
    }
  }
}

export function tensorsIn(value: Value): Tensor[] {
  if (value instanceof Tensor) return [value]
  if (Array.isArray(value)) return (value as readonly Value[]).flatMap(tensorsIn)
  // Keras orders dictionaries by their keys.
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, Value>)].sort(([a], [b]) => (a < b ? -1 : 1))
    return entries.flatMap(([, one]) => tensorsIn(one))
  }
  return []
}

function tensorOf(
  results: ReadonlyMap<string, readonly Tensor[]>,
  { layer, call, tensor }: { layer: string; call: number; tensor: number },
): Tensor {
  const found = results.get(keyOf(layer, call))?.[tensor]
  if (found !== undefined) return found
  throw unloadable(`${layer} has no output ${tensor} in its call ${call}`)
}

function keyOf(layer: string, call: number): string {
  return `${call}\0${layer}`
}

/** The tensor that a model's client gives for one of its inputs. */
export function inputTensor(
  { graph, warn }: LoweringContext,
  { name, layer: layerName }: NamedReference,
  model: Model,
): Tensor {
  const layer = model.layers.find((one) => one.name === layerName)
  if (layer === undefined) throw unloadable(`there is no input ${layerName}`)
  const { config } = layer
  const json = config.get('batch_shape') ?? config.get('batch_input_shape')
  if (!isList(json)) {
    throw unloadable(
      `the shape of the input ${name} is not in the file: save the model after it was built`,
    )
  }
  if (config.get('sparse') === true || config.get('ragged') === true) {
    throw unsupported(`the input ${name} is sparse or ragged`)
  }
  const shape = json.map((size, axis): Dim => {
    // Keras takes any batch, whatever one the model was first called with.
    if (size === null || axis === 0) return null
    if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size
    throw config.wrong('batch_shape', 'sizes')
  })
  return new Tensor(graph.input(name, inputDtype(config, name, warn), shape))
}

function inputDtype(config: LayerConfig, name: string, warn: (sentence: string) => void): DType {
  const stated = policyOf(config.get('dtype')) ?? 'float32'
  if (/^(bfloat16|float16|float64|mixed_)/.test(stated)) {
    warn(`the input ${name} is of ${stated}: it is taken as float32`)
    return 'float32'
  }
  if (isDType(stated)) return stated
  throw unsupported(`the input ${name} is of the type ${stated}`)
}
