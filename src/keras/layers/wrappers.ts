import type { Layer } from '../config/model.ts'
import { unloadable } from '../failure.ts'
import { int } from '../graph/ir.ts'
import { binary, scalar } from '../graph/ops/elementwise.ts'
import { concat, reshape, type Size } from '../graph/ops/shape.ts'
import { Tensor } from '../graph/tensor.ts'
import { innerLayer } from './inner-layer.ts'
import { one } from './inputs.ts'
import type { LayerCall, LayerKinds, Result, Value } from './layer-kind.ts'
import { reversed } from './recurrent.ts'
import { within, type WeightSlot } from './weight-slot.ts'

export function wrappers(weightsOf: (layer: Layer) => readonly WeightSlot[]): LayerKinds {
  const inner = (layer: Layer) => within('layer', weightsOf(innerLayer(layer, 'layer')))
  return {
    Bidirectional: {
      weights: (layer) => [
        ...within('forward_layer', weightsOf(forwardOf(layer))),
        ...within('backward_layer', weightsOf(backwardOf(layer))),
      ],
      lower: bidirectional,
    },
    TimeDistributed: { weights: inner, lower: timeDistributed },
    SpectralNormalization: {
      // Its own variable, the vector, serves the training alone.
      weights: inner,
      lower: (call) => call.inner('layer', innerLayer(call.layer, 'layer'), call.inputs),
    },
  }
}

function forwardOf(layer: Layer): Layer {
  return innerLayer(layer, 'layer')
}

function backwardOf(layer: Layer): Layer {
  if (layer.config.has('backward_layer')) return innerLayer(layer, 'backward_layer')
  const goes = forwardOf(layer).config.boolean('go_backwards', false)
  return innerLayer(layer, 'layer', { go_backwards: !goes })
}

function bidirectional(call: LayerCall): Result {
  const { graph, config, layer, inputs, kwargs } = call
  const forward = forwardOf(layer)
  const isSequence = forward.config.boolean('return_sequences', false)
  if (inputs.length > 1 || kwargs.get('initial_state') instanceof Tensor) {
    throw config.unsupported('initial states')
  }
  // Keras has them give zeros for masked steps, where they give sequences.
  const options = new Map<string, Value>([['zero_output_for_mask', isSequence]])
  const [there, ...statesThere] = listOf(call.inner('forward_layer', forward, inputs, options))
  const back = call.inner('backward_layer', backwardOf(layer), inputs, options)
  const [backThen, ...statesBack] = listOf(back)
  if (there === undefined || backThen === undefined) throw unloadable('it wraps nothing recurrent')
  const andBack = isSequence ? reversed({ graph }, backThen) : backThen
  const states = [...statesThere, ...statesBack]
  if (!config.has('merge_mode')) return [there, andBack, ...states]
  const merged = merge(call, there, andBack).masked(there.mask)
  return states.length === 0 ? merged : [merged, ...states]
}

function merge({ graph, config }: LayerCall, a: Tensor, b: Tensor): Tensor {
  switch (config.oneOf('merge_mode', ['concat', 'sum', 'mul', 'ave'], 'concat')) {
    case 'concat':
      return concat(graph, [a, b], -1)
    case 'sum':
      return binary(graph, 'Add', a, b)
    case 'mul':
      return binary(graph, 'Mul', a, b)
    case 'ave':
      return binary(graph, 'Mul', binary(graph, 'Add', a, b), scalar(graph, 0.5))
  }
}

function listOf(result: Result): readonly Tensor[] {
  return result instanceof Tensor ? [result] : result
}

/** The steps of all sequences as one batch. */
function timeDistributed(call: LayerCall): Tensor {
  const { graph, layer } = call
  const x = one(call)
  const rest = x.shape.slice(2)
  const open = rest.map((size, at): Size => size ?? { axis: at + 2 })
  const flat = reshape(graph, x, ['rest', ...open])
  const [result] = listOf(call.inner('layer', innerLayer(layer, 'layer'), [flat]))
  if (result === undefined) throw unloadable('it wraps a layer without a result')
  const sizes = result.shape.slice(1)
  if (sizes.some((size) => size === null)) throw call.config.unsupported('steps of open size')
  return reshapeLike(call, result, x, sizes.map(Number))
}

/** `[batch × steps, …sizes]` → `[batch, steps, …sizes]` with the sizes that the sequences had. */
function reshapeLike(
  { graph }: LayerCall,
  flat: Tensor,
  like: Tensor,
  sizes: readonly number[],
): Tensor {
  const [batch = null, steps = null] = like.shape
  if (steps !== null) return reshape(graph, flat, ['rest', steps, ...sizes])
  const outer = { start: int(0), end: int(2) }
  const counts = graph.op('Shape', [like.value(graph)], { dtype: 'int64', shape: [2] }, outer)
  const shape = [batch, steps, ...sizes]
  const all = { dtype: 'int64' as const, shape: [shape.length] }
  const target = graph.op('Concat', [counts, graph.integers(sizes)], all, { axis: int(0) })
  return new Tensor(graph.op('Reshape', [flat.value(graph), target], { dtype: flat.dtype, shape }))
}
