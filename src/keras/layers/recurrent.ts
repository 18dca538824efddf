import type { LayerConfig } from '../config/layer-config.ts'
import type { Layer } from '../config/model.ts'
import { unloadable } from '../failure.ts'
import {
  type Attribute,
  type Attributes,
  type Dim,
  int,
  string,
  strings,
  type Value,
} from '../graph/ir.ts'
import { slice, squeeze, transpose } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKinds } from './layer-kind.ts'
import { gateActivation, type GateActivation } from './recurrent-activation.ts'
import { compacted, type Compaction } from './recurrent-mask.ts'
import { own, type WeightSlot, within } from './weight-slot.ts'

/** How ONNX's operator of a recurrent layer differs from Keras' layer. */
interface RecurrentKind {
  readonly op: 'GRU' | 'LSTM' | 'RNN'
  /** Which of Keras' gates stands in each of ONNX's places. */
  readonly gates: readonly number[]
  readonly states: number
}

const KINDS: Readonly<Record<string, RecurrentKind>> = {
  // Keras: input, forget, candidate, output. ONNX: input, output, forget, candidate.
  LSTM: { op: 'LSTM', gates: [0, 3, 1, 2], states: 2 },
  GRU: { op: 'GRU', gates: [0, 1, 2], states: 1 },
  SimpleRNN: { op: 'RNN', gates: [0], states: 1 },
}
/** What the versions for NVIDIA's library were called. */
const ALIASES: Readonly<Record<string, string>> = { CuDNNLSTM: 'LSTM', CuDNNGRU: 'GRU' }

function weights({ config }: { config: LayerConfig }): WeightSlot[] {
  const bias = config.boolean('use_bias', true) && 'bias'
  return within('cell', own('kernel', 'recurrent_kernel', bias))
}

const lower = (call: LayerCall) => {
  const result = recurrent(call)
  const { config } = call
  const sequences = config.boolean('return_sequences', false)
  const output = sequences ? result.sequence : result.last
  return config.boolean('return_state', false) ? [output, ...result.states] : output
}

export const RECURRENT: LayerKinds = {
  LSTM: { weights, lower },
  GRU: { weights, lower },
  SimpleRNN: { weights, lower },
}

interface Recurrence {
  readonly sequence: Tensor
  readonly last: Tensor
  readonly states: readonly Tensor[]
}

function recurrent(call: LayerCall): Recurrence {
  const { graph, config, layer } = call
  const kind = kindOf(layer)
  if (config.boolean('stateful', false)) {
    throw config.unsupported('stateful: a server keeps no state between requests')
  }
  if (config.boolean('time_major', false)) throw config.unsupported('time_major')
  const x = oneFloat(call, 3)
  const units = config.integer('units')
  const backwards = config.boolean('go_backwards', false)
  const isMasked = x.mask !== undefined
  // With steps left out, going backwards is going forwards through the reverse.
  const given = isMasked && backwards ? reversed(call, x) : x
  const compaction = isMasked ? compacted(graph, given) : undefined
  const time = transpose(graph, compaction?.sequence ?? given, [1, 0, 2])
  const [steps = null, batch = null] = time.shape
  const attributes = attributesOf(call, kind, backwards && !isMasked)
  const outputs: { dtype: 'float32'; shape: Dim[] }[] = [
    { dtype: 'float32', shape: [steps, 1, batch, units] },
    ...Array.from({ length: kind.states }, () => ({
      dtype: 'float32' as const,
      shape: [1, batch, units],
    })),
  ]
  const inputs = [
    time.value(graph),
    ...parameters(call, kind, units),
    compaction?.lengths,
    ...initialStates(call, kind, units),
  ]
  const [all, ...states] = graph.ops(kind.op, inputs, outputs, attributes)
  if (all === undefined) throw new TypeError('a recurrent node without outputs')
  const last = states.map((state) => squeeze(graph, new Tensor(state), [0]))
  const [hidden] = last
  if (hidden === undefined) throw new TypeError('a recurrent node without a state')
  const inTime = transpose(graph, squeeze(graph, new Tensor(all), [1]), [1, 0, 2])
  const sequence = ordered(call, inTime, compaction, backwards && !isMasked)
  return {
    sequence: sequence.masked(x.mask && sequenceMask(call, x, backwards)),
    last: hidden,
    states: last,
  }
}

function kindOf({ className }: Layer): RecurrentKind {
  const kind = KINDS[ALIASES[className] ?? className]
  if (kind === undefined) throw unloadable(`${className} is no recurrent layer`)
  return kind
}

/** Keras gives the steps in the order in which it took them. */
function ordered(
  call: LayerCall,
  inTime: Tensor,
  compaction: Compaction | undefined,
  flips: boolean,
): Tensor {
  if (compaction !== undefined) {
    return compaction.spread(inTime, call.kwargs.get('zero_output_for_mask') === true)
  }
  return flips ? reversed(call, inTime) : inTime
}

export function reversed({ graph }: Pick<LayerCall, 'graph'>, x: Tensor): Tensor {
  const mask = x.mask && slice(graph, x.mask, [{ axis: 1, step: -1 }])
  return slice(graph, x, [{ axis: 1, step: -1 }]).masked(mask)
}

function sequenceMask(call: LayerCall, x: Tensor, backwards: boolean): Tensor | undefined {
  return backwards && x.mask ? slice(call.graph, x.mask, [{ axis: 1, step: -1 }]) : x.mask
}

function attributesOf(call: LayerCall, kind: RecurrentKind, reverse: boolean): Attributes {
  const { config, kerasMajor } = call
  const inner = gateActivation(config.get('activation'), 'tanh', kerasMajor)
  const gate = gateActivation(config.get('recurrent_activation'), 'sigmoid', kerasMajor)
  const activations =
    kind.op === 'LSTM' ? [gate, inner, inner] : kind.op === 'GRU' ? [gate, inner] : [inner]
  return {
    hidden_size: int(config.integer('units')),
    ...(reverse ? { direction: string('reverse') } : {}),
    ...activationAttributes(activations),
    ...(kind.op === 'GRU' ? { linear_before_reset: int(resetsAfter(config) ? 1 : 0) } : {}),
  }
}

function activationAttributes(activations: readonly GateActivation[]): Record<string, Attribute> {
  const names = { activations: strings(activations.map(({ name }) => name)) }
  if (activations.every(({ alpha }) => alpha === 0)) return names
  // Those that take parameters, in order, share one list.
  const taking = activations.filter(({ alpha }) => alpha !== 0)
  const floats = (values: number[]): Attribute => ({ kind: 'floats', value: values })
  return {
    ...names,
    activation_alpha: floats(taking.map(({ alpha }) => alpha)),
    activation_beta: floats(taking.filter(takesBeta).map(({ beta }) => beta)),
  }
}

function takesBeta({ name }: GateActivation): boolean {
  return name === 'HardSigmoid' || name === 'Affine'
}

function resetsAfter(config: LayerConfig): boolean {
  return config.boolean('reset_after', true)
}

/** W, R and B: the gates in ONNX's order, outputs in rows, in an axis for the direction. */
function parameters(call: LayerCall, { gates, op }: RecurrentKind, units: number): Value[] {
  const { graph, config } = call
  const width = gates.length * units
  const matrix = (key: string, rows: number | null): Value => {
    const stored = call.weight(`cell/${key}`, [rows, width])
    const [inputs = 0] = stored.shape
    return graph.weights(key, [1, width, inputs], () => {
      const values = stored.read()
      return Float32Array.from({ length: width * inputs }, (_, at) => {
        const row = Math.floor(at / inputs)
        const gate = gates[Math.floor(row / units)] ?? 0
        return values[(at % inputs) * width + gate * units + (row % units)] ?? 0
      })
    })
  }
  const w = matrix('kernel', null)
  const r = matrix('recurrent_kernel', units)
  if (!config.boolean('use_bias', true))
    return [w, r, graph.floats(new Float32Array(2 * width), [1, 2 * width])]
  const isDouble = op === 'GRU' && resetsAfter(config)
  const bias = call.weight('cell/bias', isDouble ? [2, width] : [width])
  const b = graph.weights('bias', [1, 2 * width], () => {
    const values = bias.read()
    return Float32Array.from({ length: 2 * width }, (_, at) => {
      const half = Math.floor(at / width)
      if (half === 1 && !isDouble) return 0
      const row = at % width
      const gate = gates[Math.floor(row / units)] ?? 0
      return values[half * width + gate * units + (row % units)] ?? 0
    })
  })
  return [w, r, b]
}

/** From `initial_state`, or what follows the sequence in a list. */
function initialStates(call: LayerCall, kind: RecurrentKind, units: number): Value[] {
  const { graph, kwargs, inputs, args } = call
  const given = kwargs.get('initial_state') ?? args[1]
  const listed = Array.isArray(given) ? given : given instanceof Tensor ? [given] : []
  const states = [...inputs.slice(1), ...listed].filter((one) => one instanceof Tensor)
  if (states.length === 0) return []
  if (states.length !== kind.states) throw unloadable('it gets a wrong number of initial states')
  return states.map((state) => {
    const value = state.value(graph)
    const shape = [1, state.shape[0] ?? null, units]
    return graph.op('Unsqueeze', [value, graph.integers([0])], { dtype: 'float32', shape })
  })
}
