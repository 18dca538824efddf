import { isObject, type Json } from '../config/json.ts'
import { LayerConfig } from '../config/layer-config.ts'
import { unsupported } from '../failure.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { float } from '../graph/ir.ts'
import { binary, elementwise, scalar, softmax, unary } from '../graph/ops/elementwise.ts'
import { slice } from '../graph/ops/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { sparsemax } from './sparsemax.ts'

type Activation = (graph: GraphBuilder, x: Tensor, kerasMajor: number) => Tensor

/** https://keras.io/api/layers/activations/, with the parameters' defaults. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  celu: (g, x) => elu(g, x, 1),
  elu: (g, x) => elu(g, x, 1),
  exponential: (g, x) => unary(g, 'Exp', x),
  gelu: (g, x) => gelu(g, x, false),
  glu: (g, x) => glu(g, x, -1),
  hard_shrink: (g, x) => unary(g, 'Shrink', x, { lambd: float(0.5), bias: float(0) }),
  hard_sigmoid: (g, x, kerasMajor) => hardSigmoid(g, x, kerasMajor),
  hard_silu: (g, x) => binary(g, 'Mul', x, hardSigmoid(g, x, 3)),
  hard_tanh: (g, x) => clip(g, x, -1, 1),
  leaky_relu: (g, x) => leakyRelu(g, x, 0.2),
  linear: (_, x) => x,
  log_sigmoid: (g, x) => unary(g, 'Neg', unary(g, 'Softplus', unary(g, 'Neg', x))),
  log_softmax: (g, x) => softmax(g, x, -1, 'LogSoftmax'),
  mish: (g, x) => binary(g, 'Mul', x, unary(g, 'Tanh', unary(g, 'Softplus', x))),
  relu: (g, x) => unary(g, 'Relu', x),
  relu6: (g, x) => clip(g, x, 0, 6),
  selu: (g, x) => unary(g, 'Selu', x),
  sigmoid: (g, x) => unary(g, 'Sigmoid', x),
  silu: (g, x) => binary(g, 'Mul', x, unary(g, 'Sigmoid', x)),
  soft_shrink: (g, x) => unary(g, 'Shrink', x, { lambd: float(0.5), bias: float(0.5) }),
  softmax: (g, x) => softmax(g, x, -1),
  softplus: (g, x) => unary(g, 'Softplus', x),
  softsign: (g, x) => unary(g, 'Softsign', x),
  sparse_plus: sparsePlus,
  sparse_sigmoid: (g, x) => unary(g, 'HardSigmoid', x, { alpha: float(0.5), beta: float(0.5) }),
  sparsemax: (g, x) => sparsemax(g, x),
  squareplus: (g, x) => {
    const root = unary(g, 'Sqrt', binary(g, 'Add', binary(g, 'Mul', x, x), scalar(g, 4)))
    return binary(g, 'Mul', binary(g, 'Add', x, root), scalar(g, 0.5))
  },
  tanh: (g, x) => unary(g, 'Tanh', x),
  tanh_shrink: (g, x) => binary(g, 'Sub', x, unary(g, 'Tanh', x)),
}
const ALIASES: Readonly<Record<string, string>> = {
  exp: 'exponential',
  hard_swish: 'hard_silu',
  swish: 'silu',
}

/** Applies the activation that an option of a layer names. */
export function activate(
  graph: GraphBuilder,
  x: Tensor,
  given: Json | undefined,
  { layer, kerasMajor }: { layer: string; kerasMajor: number },
): Tensor {
  const name = nameOf(given)
  const known = name === undefined ? undefined : ACTIVATIONS[ALIASES[name] ?? name]
  if (known !== undefined) return known(graph, x, kerasMajor)
  const asLayer = activationLayer(graph, x, given)
  if (asLayer !== undefined) return asLayer
  throw unsupported(
    `${layer}: the activation ${name ?? JSON.stringify(given)} is not one of Keras' own: ` +
      'a custom function is not run here',
  )
}

/** The plain name of an activation, in whichever way it was saved. */
export function nameOf(given: Json | undefined): string | undefined {
  if (given === undefined || given === null) return 'linear'
  if (typeof given === 'string') return given
  if (!isObject(given)) return undefined
  if (given['class_name'] === 'function' && typeof given['config'] === 'string') {
    return given['config']
  }
  const config = given['config']
  if (given['class_name'] === 'Activation' && isObject(config)) return nameOf(config['activation'])
  return typeof given['class_name'] === 'string' ? given['class_name'] : undefined
}

/** A layer may stand where a function is expected. */
function activationLayer(
  graph: GraphBuilder,
  x: Tensor,
  given: Json | undefined,
): Tensor | undefined {
  if (!isObject(given) || typeof given['class_name'] !== 'string') return undefined
  const values = isObject(given['config']) ? given['config'] : {}
  const config = new LayerConfig(values, given['class_name'])
  switch (given['class_name']) {
    case 'ReLU':
      return relu(graph, x, config)
    case 'LeakyReLU':
      return leakyRelu(graph, x, slopeOf(config))
    case 'ELU':
      return elu(graph, x, config.float('alpha', 1))
    case 'Softmax':
      return softmax(graph, x, config.integer('axis', -1))
    default:
      return undefined
  }
}

export function slopeOf(config: LayerConfig): number {
  return config.float(config.has('negative_slope') ? 'negative_slope' : 'alpha', 0.3)
}

/** The ReLU layer: f(x) = max for x ≥ max, x for threshold ≤ x, slope × (x − threshold) below. */
export function relu(graph: GraphBuilder, x: Tensor, config: LayerConfig): Tensor {
  const max = config.has('max_value') ? config.float('max_value') : undefined
  const slope = config.has('negative_slope') ? config.float('negative_slope') : 0
  const threshold = config.has('threshold') ? config.float('threshold') : 0
  return generalRelu(graph, x, { max, slope, threshold })
}

export function generalRelu(
  graph: GraphBuilder,
  x: Tensor,
  {
    max,
    slope = 0,
    threshold = 0,
  }: { max?: number | undefined; slope?: number; threshold?: number },
): Tensor {
  if (threshold === 0 && slope === 0) {
    return max === undefined ? unary(graph, 'Relu', x) : clip(graph, x, 0, max)
  }
  const below =
    slope === 0
      ? scalar(graph, 0)
      : binary(
          graph,
          'Mul',
          threshold === 0 ? x : binary(graph, 'Sub', x, scalar(graph, threshold)),
          scalar(graph, slope),
        )
  const plain =
    threshold === 0
      ? leakyRelu(graph, x, slope)
      : elementwise(graph, 'Where', [
          binary(graph, 'GreaterOrEqual', x, scalar(graph, threshold), 'bool'),
          x,
          below,
        ])
  return max === undefined ? plain : binary(graph, 'Min', plain, scalar(graph, max))
}

/**
 * x Φ(x) with Φ the normal distribution, or its approximation by tanh: as the nodes that
 * onnxruntime fuses into one.
 */
export function gelu(graph: GraphBuilder, x: Tensor, approximate: boolean): Tensor {
  const half = (y: Tensor) => binary(graph, 'Mul', y, scalar(graph, 0.5))
  if (!approximate) {
    const erf = unary(graph, 'Erf', binary(graph, 'Div', x, scalar(graph, Math.SQRT2)))
    return half(binary(graph, 'Mul', x, binary(graph, 'Add', erf, scalar(graph, 1))))
  }
  const cube = binary(graph, 'Mul', binary(graph, 'Mul', x, x), x)
  const bent = binary(graph, 'Add', x, binary(graph, 'Mul', cube, scalar(graph, 0.044715)))
  const tanh = unary(
    graph,
    'Tanh',
    binary(graph, 'Mul', bent, scalar(graph, Math.sqrt(2 / Math.PI))),
  )
  return half(binary(graph, 'Mul', x, binary(graph, 'Add', tanh, scalar(graph, 1))))
}

export function leakyRelu(graph: GraphBuilder, x: Tensor, slope: number): Tensor {
  return unary(graph, 'LeakyRelu', x, { alpha: float(slope) })
}

export function elu(graph: GraphBuilder, x: Tensor, alpha: number): Tensor {
  return unary(graph, 'Elu', x, { alpha: float(alpha) })
}

export function clip(graph: GraphBuilder, x: Tensor, low: number, high: number): Tensor {
  return unary(graph, 'Clip', x, {}, [graph.scalar(low, x.dtype), graph.scalar(high, x.dtype)])
}

/** TensorFlow's Keras clips 0.2x + 0.5, Keras 3 x/6 + 0.5. */
function hardSigmoid(graph: GraphBuilder, x: Tensor, kerasMajor: number): Tensor {
  const alpha = kerasMajor < 3 ? 0.2 : 1 / 6
  return unary(graph, 'HardSigmoid', x, { alpha: float(alpha), beta: float(0.5) })
}

export function glu(graph: GraphBuilder, x: Tensor, axis: number): Tensor {
  const at = axis < 0 ? axis + x.rank : axis
  const size = x.shape[at] ?? null
  if (size === null) throw unsupported('glu over an axis of open size')
  const value = slice(graph, x, [{ axis: at, stop: size / 2 }])
  const gate = slice(graph, x, [{ axis: at, start: size / 2 }])
  return binary(graph, 'Mul', value, unary(graph, 'Sigmoid', gate))
}

/** 0 up to −1, (x + 1)² / 4 up to 1, x beyond. */
function sparsePlus(graph: GraphBuilder, x: Tensor): Tensor {
  const raised = binary(graph, 'Add', clip(graph, x, -1, 1), scalar(graph, 1))
  const curve = binary(graph, 'Mul', binary(graph, 'Mul', raised, raised), scalar(graph, 0.25))
  const beyond = binary(graph, 'GreaterOrEqual', x, scalar(graph, 1), 'bool')
  return elementwise(graph, 'Where', [beyond, x, curve])
}
