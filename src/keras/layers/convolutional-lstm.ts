import { unloadable } from '../failure.ts'
import { binary } from '../graph/ops/elementwise.ts'
import { concat, expandDims, slice, squeeze } from '../graph/ops/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { activateBy } from './activation-layers.ts'
import { convolve, rearranged, windowOf } from './convolution.ts'
import type { Window } from './convolution-geometry.ts'
import { oneFloat } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds, Result } from './layer-kind.ts'
import { hasBias, own, within } from './weight-slot.ts'

const STEPS_MAX = 256

/** An LSTM whose products are convolutions: ONNX has none, so its steps are written out. */
export const CONVOLUTIONAL_LSTM: LayerKinds = Object.fromEntries(
  [1, 2, 3].map((dimensions): [string, LayerKind] => [
    `ConvLSTM${dimensions}D`,
    {
      weights: ({ config }) =>
        within('cell', own('kernel', 'recurrent_kernel', hasBias(config) && 'bias')),
      lower: (call) => recurrent(call, dimensions),
    },
  ]),
)

function recurrent(call: LayerCall, dimensions: number): Result {
  const { graph, config, inputs } = call
  const x = oneFloat(call, dimensions + 3)
  const steps = x.shape[1] ?? null
  if (steps === null || steps > STEPS_MAX || steps < 1) {
    throw config.unsupported(`only 1 to ${STEPS_MAX} steps are written out`)
  }
  if (config.boolean('stateful', false)) {
    throw config.unsupported('stateful: a server keeps no state between requests')
  }
  if (inputs.length > 1 || call.kwargs.has('initial_state') || x.mask !== undefined) {
    throw config.unsupported('initial states and masks')
  }
  const gatesOf = gates(call, dimensions, x)
  const times = Array.from({ length: steps }, (_, at) => at)
  if (config.boolean('go_backwards', false)) times.reverse()
  const outputs: Tensor[] = []
  let state: State | undefined
  for (const at of times) {
    const frame = squeeze(graph, slice(graph, x, [{ axis: 1, start: at, stop: at + 1 }]), [1])
    state = step(call, gatesOf(frame, state?.hidden), state)
    outputs.push(state.hidden)
  }
  if (state === undefined) throw unloadable('it has no steps')
  const output = config.boolean('return_sequences', false)
    ? concat(
        graph,
        outputs.map((one) => expandDims(graph, one, [1])),
        1,
      )
    : state.hidden
  return config.boolean('return_state', false) ? [output, state.hidden, state.cell] : output
}

interface State {
  readonly hidden: Tensor
  readonly cell: Tensor
}

/** Input, forget, candidate and output, in this order along the channels. */
function gates(call: LayerCall, dimensions: number, x: Tensor) {
  const { graph, config } = call
  const filters = config.integer('filters')
  const isLast = config.dataFormat === 'channels_last'
  const channels = (isLast ? x.shape.at(-1) : x.shape[2]) ?? null
  if (channels === null) throw config.unsupported('an open number of channels')
  const window = windowOf(call, dimensions)
  const ones = window.size.map(() => 1)
  const still: Window = { size: window.size, strides: ones, dilation: ones, padding: 'same' }
  const kernel = (key: string, from: number) => {
    const stored = call.weight(`cell/${key}`, [...window.size, from, 4 * filters])
    return rearranged(call, stored, key, [4 * filters, from], window)
  }
  const given = kernel('kernel', channels)
  const back = kernel('recurrent_kernel', filters)
  const bias = hasBias(config) ? call.weight('cell/bias', [4 * filters]) : undefined
  const offset = bias && graph.weights('bias', bias.shape, () => bias.read())
  return (frame: Tensor, hidden: Tensor | undefined): Tensor[] => {
    const fresh = convolve(call, frame, given, { window, groups: 1, bias: offset })
    const all =
      hidden === undefined
        ? fresh
        : binary(graph, 'Add', fresh, convolve(call, hidden, back, { window: still, groups: 1 }))
    const axis = isLast ? all.rank - 1 : 1
    return [0, 1, 2, 3].map((at) =>
      slice(graph, all, [{ axis, start: at * filters, stop: (at + 1) * filters }]),
    )
  }
}

/** Before the first step the state is zero, and nothing is forgotten. */
function step(call: LayerCall, parts: readonly Tensor[], before: State | undefined): State {
  const { graph } = call
  const [input, forget, candidate, output] = parts
  if (!input || !forget || !candidate || !output) throw new TypeError('four gates')
  const gate = (x: Tensor) => activateBy(call, x, 'recurrent_activation')
  const added = binary(graph, 'Mul', gate(input), activateBy(call, candidate))
  const cell =
    before === undefined
      ? added
      : binary(graph, 'Add', binary(graph, 'Mul', gate(forget), before.cell), added)
  return { hidden: binary(graph, 'Mul', gate(output), activateBy(call, cell)), cell }
}
