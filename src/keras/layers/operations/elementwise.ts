import type { GraphBuilder } from '../../graph/builder.ts'
import { float } from '../../graph/ir.ts'
import {
  binary,
  cast,
  elementwise,
  normalAxis,
  scalar,
  softmax,
  toFloat,
  unary,
} from '../../graph/ops/elementwise.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { activate, clip, elu, gelu, generalRelu, glu, leakyRelu } from '../activations.ts'
import { dtypeOf } from './dtypes.ts'
import type { Arguments, Operation, Operations } from './arguments.ts'

const X = ['x', 'features', 'input', 'logits', 'value', 'data', 'images', 'image', 'tensor']

/** The first argument, as it is. */
export function first(given: Arguments): Tensor {
  return given.tensor(0, X)
}

export function firstFloat(given: Arguments): Tensor {
  return toFloat(given.graph, first(given))
}

function each(op: string): Operation {
  return (given) => unary(given.graph, op, firstFloat(given))
}

function eachOfAny(op: string): Operation {
  return (given) => unary(given.graph, op, first(given))
}

function of(compute: (graph: GraphBuilder, x: Tensor, given: Arguments) => Tensor): Operation {
  return (given) => compute(given.graph, firstFloat(given), given)
}

/** An activation without parameters. */
function activation(name: string): Operation {
  return (given) => {
    const { graph, call } = given
    return activate(graph, firstFloat(given), name, { layer: call.layer.name, kerasMajor: 3 })
  }
}

function both(op: string): Operation {
  return (given) => {
    const [a, b] = given.pair()
    return binary(given.graph, op, a, b)
  }
}

function compare(op: string, negate = false): Operation {
  return (given) => {
    const [a, b] = given.pair()
    const result = binary(given.graph, op, a, b, 'bool')
    return negate ? unary(given.graph, 'Not', result) : result
  }
}

function logical(op: string): Operation {
  return (given) => {
    const [a, b] = given.pair().map((x) => cast(given.graph, x, 'bool'))
    if (a === undefined || b === undefined) throw given.unsupported('one operand')
    return binary(given.graph, op, a, b, 'bool')
  }
}

function divide(given: Arguments): Tensor {
  const [a, b] = given.pair().map((x) => toFloat(given.graph, x))
  if (a === undefined || b === undefined) throw given.unsupported('one operand')
  return binary(given.graph, 'Div', a, b)
}

function floorDivide(given: Arguments): Tensor {
  const { dtype } = given.pair()[0]
  return cast(given.graph, unary(given.graph, 'Floor', divide(given)), dtype)
}

/** Python's: the sign is the divisor's. */
function modulo(given: Arguments): Tensor {
  const { graph } = given
  const [a, b] = given.pair()
  if (a.dtype !== 'float32') return binary(graph, 'Mod', a, b)
  return binary(graph, 'Sub', a, binary(graph, 'Mul', unary(graph, 'Floor', divide(given)), b))
}

function clipped(given: Arguments): Tensor {
  const x = first(given)
  const low = given.float(1, ['x_min', 'clip_value_min', 'min'])
  const high = given.float(2, ['x_max', 'clip_value_max', 'max'])
  return clip(given.graph, x, low, high)
}

function where(given: Arguments): Tensor {
  const { graph } = given
  const condition = cast(graph, given.tensor(0, 'condition', 'bool'), 'bool')
  const a = given.value(1, 'x1', 'x')
  const b = given.value(2, 'x2', 'y')
  const like = [a, b].find((one) => typeof one === 'object' && one !== null && 'dtype' in one)
  const dtype = like?.dtype ?? 'float32'
  const x = given.tensor(1, ['x1', 'x'], dtype)
  const y = given.tensor(2, ['x2', 'y'], dtype)
  const [left, right] = x.dtype === y.dtype ? [x, y] : [toFloat(graph, x), toFloat(graph, y)]
  return elementwise(graph, 'Where', [condition, left, right])
}

function geluOf(approximateByDefault: boolean): Operation {
  return of((graph, x, given) => gelu(graph, x, given.flag('approximate', approximateByDefault)))
}

function log1p(graph: GraphBuilder, x: Tensor): Tensor {
  return unary(graph, 'Log', binary(graph, 'Add', x, scalar(graph, 1)))
}

function filled(value: number | undefined): Operation {
  return (given) => {
    const { graph } = given
    const x = first(given)
    const fill = value ?? given.float(1, 'fill_value')
    // An open shape is that of the tensor, whatever it holds.
    const zero = binary(graph, 'Mul', x, scalar(graph, 0, x.dtype))
    return fill === 0 ? zero : binary(graph, 'Add', zero, scalar(graph, fill, x.dtype))
  }
}

function casted(given: Arguments): Tensor {
  const { graph, call } = given
  const name = given.text(1, 'dtype', 'float32')
  const dtype = dtypeOf(name)
  if (dtype === undefined) throw given.unsupported(`a cast to ${name}`)
  if (dtype.isRounded) call.warn(`layers of the type ${name} are computed in float32`)
  return cast(graph, first(given), dtype.dtype)
}

export const ELEMENTWISE: Operations = {
  abs: eachOfAny('Abs'),
  absolute: eachOfAny('Abs'),
  add: both('Add'),
  arccos: each('Acos'),
  arcsin: each('Asin'),
  arctan: each('Atan'),
  bias_add: (given) => {
    const bias = given.tensor(1, 'bias')
    return binary(given.graph, 'Add', firstFloat(given), bias)
  },
  cast: casted,
  ceil: each('Ceil'),
  celu: of((graph, x, given) =>
    unary(graph, 'Celu', x, { alpha: float(given.float(1, 'alpha', 1)) }),
  ),
  clip: clipped,
  clip_by_value: clipped,
  cos: each('Cos'),
  cosh: each('Cosh'),
  divide,
  divide_no_nan: (given) => {
    const { graph } = given
    const [a, b] = given.pair()
    const isZero = binary(graph, 'Equal', b, scalar(graph, 0), 'bool')
    const safe = elementwise(graph, 'Where', [isZero, scalar(graph, 1), b])
    const quotient = binary(graph, 'Div', a, safe)
    return elementwise(graph, 'Where', [isZero, scalar(graph, 0), quotient])
  },
  elu: of((graph, x, given) => elu(graph, x, given.float(1, 'alpha', 1))),
  equal: compare('Equal'),
  erf: each('Erf'),
  exp: each('Exp'),
  expm1: of((graph, x) => binary(graph, 'Sub', unary(graph, 'Exp', x), scalar(graph, 1))),
  floor: each('Floor'),
  floor_div: floorDivide,
  floor_divide: floorDivide,
  floordiv: floorDivide,
  floormod: modulo,
  full_like: filled(undefined),
  gelu: geluOf(true),
  glu: of((graph, x, given) => glu(graph, x, given.integer(1, 'axis', -1))),
  greater: compare('Greater'),
  greater_equal: compare('GreaterOrEqual'),
  hard_shrink: activation('hard_shrink'),
  hard_sigmoid: activation('hard_sigmoid'),
  hard_silu: activation('hard_silu'),
  hard_tanh: activation('hard_tanh'),
  identity: (given) => first(given),
  leaky_relu: of((graph, x, given) =>
    leakyRelu(graph, x, given.float(1, ['negative_slope', 'alpha'], 0.2)),
  ),
  less: compare('Less'),
  less_equal: compare('LessOrEqual'),
  log: each('Log'),
  log10: of((graph, x) => binary(graph, 'Mul', unary(graph, 'Log', x), scalar(graph, Math.LOG10E))),
  log1p: of(log1p),
  log2: of((graph, x) => binary(graph, 'Mul', unary(graph, 'Log', x), scalar(graph, Math.LOG2E))),
  log_sigmoid: activation('log_sigmoid'),
  log_softmax: of((graph, x, given) =>
    softmax(graph, x, normalAxis(given.integer(1, 'axis', -1), x.rank), 'LogSoftmax'),
  ),
  logical_and: logical('And'),
  logical_not: (given) => unary(given.graph, 'Not', cast(given.graph, first(given), 'bool')),
  logical_or: logical('Or'),
  logical_xor: logical('Xor'),
  maximum: both('Max'),
  minimum: both('Min'),
  mish: activation('mish'),
  mod: modulo,
  multiply: both('Mul'),
  negative: eachOfAny('Neg'),
  not_equal: compare('Equal', true),
  ones_like: filled(1),
  power: both('Pow'),
  reciprocal: each('Reciprocal'),
  relu: (given) => unary(given.graph, 'Relu', first(given)),
  relu6: of((graph, x) => generalRelu(graph, x, { max: 6 })),
  round: each('Round'),
  rsqrt: of((graph, x) => unary(graph, 'Reciprocal', unary(graph, 'Sqrt', x))),
  selu: activation('selu'),
  sigmoid: activation('sigmoid'),
  sign: eachOfAny('Sign'),
  silu: activation('silu'),
  sin: each('Sin'),
  sinh: each('Sinh'),
  soft_shrink: activation('soft_shrink'),
  softmax: of((graph, x, given) =>
    softmax(graph, x, normalAxis(given.integer(1, 'axis', -1), x.rank)),
  ),
  softplus: each('Softplus'),
  softsign: each('Softsign'),
  sparse_plus: activation('sparse_plus'),
  sparse_sigmoid: activation('sparse_sigmoid'),
  sparsemax: activation('sparsemax'),
  sqrt: each('Sqrt'),
  square: (given) => {
    const x = first(given)
    return binary(given.graph, 'Mul', x, x)
  },
  squared_difference: (given) => {
    const [a, b] = given.pair()
    const difference = binary(given.graph, 'Sub', a, b)
    return binary(given.graph, 'Mul', difference, difference)
  },
  squareplus: activation('squareplus'),
  stop_gradient: (given) => first(given),
  subtract: both('Sub'),
  tan: each('Tan'),
  tanh: each('Tanh'),
  tanh_shrink: activation('tanh_shrink'),
  tf_gelu: geluOf(false),
  truediv: divide,
  true_divide: divide,
  where,
  zeros_like: filled(0),
}
