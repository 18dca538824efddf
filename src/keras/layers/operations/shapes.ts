import { type Dim, int, string } from '../../graph/ir.ts'
import { cast, normalAxis, toFloat } from '../../graph/ops/elementwise.ts'
import {
  concat,
  expandDims,
  gather,
  pad,
  reshape,
  type Size,
  slice,
  squeeze,
  tile,
  transpose,
} from '../../graph/ops/shape.ts'
import { Tensor } from '../../graph/tensor.ts'
import type { Value } from '../layer-kind.ts'
import type { Arguments, Operations } from './arguments.ts'
import { first } from './elementwise.ts'
import { getItem } from './get-item.ts'

const PARTS_MAX = 10_000

function reshaped(given: Arguments): Tensor {
  const { graph } = given
  const x = first(given)
  const wanted = given.value(1, 'newshape', 'shape')
  const list: readonly Value[] = Array.isArray(wanted) ? (wanted as readonly Value[]) : [wanted]
  if (list.every((size) => typeof size === 'number' || size === null)) {
    // An open batch is written as None.
    const sizes = list.map((size, at): Size => {
      if (size === null || size === -1) return size === null && at === 0 ? { axis: 0 } : 'rest'
      return size
    })
    return reshape(graph, x, keptBatch(x, sizes))
  }
  return reshapedAtRunTime(given, x, list)
}

/** −1 in front of what the rest of the tensor fills is the batch. */
function keptBatch(x: Tensor, sizes: readonly Size[]): Size[] {
  const rest = sizes.slice(1)
  const known = x.shape.slice(1)
  const fills =
    sizes[0] === 'rest' &&
    rest.every((size) => typeof size === 'number') &&
    known.every((size) => size !== null) &&
    rest.reduce((all, size) => all * size, 1) === known.reduce((all, size) => all * size, 1)
  return fills && x.rank > 0 ? [{ axis: 0 }, ...rest] : [...sizes]
}

/** The shape holds sizes that were computed. */
function reshapedAtRunTime(given: Arguments, x: Tensor, list: readonly Value[]): Tensor {
  const { graph } = given
  const shape = list.map((size): Dim => (typeof size === 'number' && size >= 0 ? size : null))
  const parts = list.flatMap((size) => {
    if (typeof size === 'number') return [graph.integers([size])]
    if (!(size instanceof Tensor)) throw given.unsupported('a shape of other than numbers')
    const value = cast(graph, size, 'int64')
    return [value.rank === 0 ? expandDims(graph, value, [0]).value(graph) : value.value(graph)]
  })
  const all = { dtype: 'int64' as const, shape: [list.length] }
  const target = graph.op('Concat', parts, all, { axis: int(0) })
  const output = { dtype: x.dtype, shape: list.length === 1 ? [null] : shape }
  return new Tensor(graph.op('Reshape', [x.value(graph), target], output))
}

function transposed(given: Arguments): Tensor {
  const x = first(given)
  const axes = given.integers(1, ['axes', 'perm']) ?? x.shape.map((_, at) => x.rank - 1 - at)
  const permutation = axes.map((axis) => normalAxis(axis, x.rank))
  if (new Set(permutation).size !== x.rank) throw given.unsupported('axes that are no order')
  return transpose(given.graph, x, permutation)
}

function moved(given: Arguments): Tensor {
  const x = first(given)
  const normal = (axes: readonly number[] | undefined) =>
    (axes ?? []).map((axis) => normalAxis(axis, x.rank))
  const from = normal(given.integers(1, 'source'))
  const to = normal(given.integers(2, 'destination'))
  const order = x.shape.map((_, axis) => axis).filter((axis) => !from.includes(axis))
  const pairs = from.map((axis, at) => ({ axis, at: to[at] ?? 0 })).sort((a, b) => a.at - b.at)
  for (const { axis, at } of pairs) order.splice(at, 0, axis)
  return transpose(given.graph, x, order)
}

function swapped(given: Arguments): Tensor {
  const x = first(given)
  const a = normalAxis(given.integer(1, 'axis1'), x.rank)
  const b = normalAxis(given.integer(2, 'axis2'), x.rank)
  const order = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis))
  return transpose(given.graph, x, order)
}

function squeezed(given: Arguments): Tensor {
  const x = first(given)
  const axes = given.integers(1, ['axis', 'squeeze_dims'])
  const ones = x.shape.flatMap((size, axis) => (size === 1 ? [axis] : []))
  return squeeze(given.graph, x, axes === undefined || axes.length === 0 ? ones : axes)
}

function concatenated(given: Arguments): Tensor {
  const parts = given.tensors(0, 'xs', 'values')
  const isMixed = new Set(parts.map(({ dtype }) => dtype)).size > 1
  const same = parts.map((x) => (isMixed ? toFloat(given.graph, x) : x))
  return concat(given.graph, same, given.integer(1, 'axis', -1))
}

function stacked(given: Arguments): Tensor {
  const parts = given.tensors(0, 'x', 'xs', 'values')
  const axis = normalAxis(given.integer(1, 'axis', 0), (parts[0]?.rank ?? 0) + 1)
  const raised = parts.map((x) => expandDims(given.graph, x, [axis]))
  return concat(given.graph, raised, axis)
}

function split(given: Arguments): Tensor[] {
  const { graph } = given
  const x = first(given)
  const axis = normalAxis(given.integer(2, 'axis', 0), x.rank)
  const size = x.shape[axis] ?? null
  if (size === null) throw given.unsupported('an axis of open size')
  const ends = endsOf(given, size)
  return ends.map((stop, at) => slice(graph, x, [{ axis, start: ends[at - 1] ?? 0, stop }]))
}

/** A number of equal parts, the sizes (TensorFlow), or where to cut (numpy). */
function endsOf(given: Arguments, size: number): number[] {
  const names = ['indices_or_sections', 'num_or_size_splits', 'num']
  const how = given.value(1, ...names)
  if (typeof how === 'number') {
    if (fewParts(given, how) < 1 || size % how !== 0)
      throw given.unsupported(`${size} in ${how} parts`)
    return Array.from({ length: how }, (_, at) => ((at + 1) * size) / how)
  }
  const numbers = given.integers(1, names) ?? []
  if (given.call.layer.className !== 'TFOpLambda') return [...numbers, size]
  let end = 0
  return numbers.map((one) => (end += one))
}

function fewParts(given: Arguments, count: number): number {
  if (count <= PARTS_MAX) return count
  throw given.unsupported(`more than ${PARTS_MAX} parts`)
}

function unstacked(given: Arguments): Tensor[] {
  const { graph } = given
  const x = first(given)
  const axis = normalAxis(given.integer(2, 'axis', 0), x.rank)
  const count = x.shape[axis] ?? null
  if (count === null) throw given.unsupported('an axis of open size')
  return Array.from({ length: fewParts(given, count) }, (_, at) =>
    squeeze(graph, slice(graph, x, [{ axis, start: at, stop: at + 1 }]), [axis]),
  )
}

function taken(given: Arguments): Tensor {
  const { graph } = given
  const all = first(given)
  const indices = given.tensor(1, 'indices', 'int32')
  const stated = given.integers(2, 'axis')?.[0]
  const isTf = given.call.layer.className === 'TFOpLambda'
  const x = stated === undefined && !isTf ? reshape(graph, all, ['rest']) : all
  if (given.integer(undefined, 'batch_dims', 0) !== 0) throw given.unsupported('batch_dims')
  const whole = indices.dtype === 'float32' ? cast(graph, indices, 'int32') : indices
  return gather(graph, x, whole.value(graph), normalAxis(stated ?? 0, x.rank))
}

function repeated(given: Arguments): Tensor {
  const { graph } = given
  const count = given.integer(1, 'repeats')
  const x = first(given)
  const axis = normalAxis(given.integer(2, 'axis'), x.rank)
  const raised = expandDims(graph, x, [axis + 1])
  const many = tile(
    graph,
    raised,
    raised.shape.map((_, at) => (at === axis + 1 ? count : 1)),
  )
  const sizes = x.shape.map((size, at): Size => {
    if (at === axis) return size === null ? 'rest' : size * count
    return size ?? { axis: at < axis ? at : at + 1 }
  })
  return reshape(graph, many, sizes)
}

function tiled(given: Arguments): Tensor {
  const x = first(given)
  const repeats = given.integers(1, ['repeats', 'multiples']) ?? []
  const full = [...Array.from({ length: x.rank - repeats.length }, () => 1), ...repeats]
  return tile(given.graph, x, full)
}

function padded(given: Arguments): Tensor {
  const x = first(given)
  const amounts = given.value(1, 'pad_width', 'paddings')
  const rows: readonly Value[] = Array.isArray(amounts) ? (amounts as readonly Value[]) : []
  const pairs = x.shape.map((_, axis): [number, number] => {
    const row = rows.length === 1 ? rows[0] : rows[axis]
    const [before, after] = Array.isArray(row) ? (row as readonly Value[]) : [row, row]
    if (typeof before === 'number' && typeof after === 'number') return [before, after]
    throw given.unsupported('amounts that are not constant')
  })
  const mode = given.text(undefined, 'mode', 'constant').toLowerCase()
  if (mode !== 'constant' && mode !== 'reflect') throw given.unsupported(`the mode ${mode}`)
  const value = given.float(undefined, ['constant_values', 'value'], 0)
  return pad(given.graph, x, pairs, { mode, value })
}

function flipped(given: Arguments): Tensor {
  const x = first(given)
  const axes = given.integers(1, 'axis') ?? x.shape.map((_, axis) => axis)
  const ranges = axes.map((axis) => ({ axis: normalAxis(axis, x.rank), step: -1 }))
  return slice(given.graph, x, ranges)
}

function rolled(given: Arguments): Tensor {
  const { graph } = given
  const x = first(given)
  const shifts = given.integers(1, 'shift') ?? []
  const axes = given.integers(2, 'axis') ?? []
  if (axes.length !== shifts.length) throw given.unsupported('a roll of all elements')
  return axes.reduce((rolling, one, at) => {
    const axis = normalAxis(one, x.rank)
    const shift = shifts[at] ?? 0
    if (shift === 0) return rolling
    const head = slice(graph, rolling, [{ axis, start: -shift }])
    const tail = slice(graph, rolling, [{ axis, stop: -shift }])
    return concat(graph, [head, tail], axis)
  }, x)
}

function broadcastTo(given: Arguments): Tensor {
  const { graph } = given
  const x = first(given)
  const wanted = given.integers(1, 'shape') ?? []
  const shape = wanted.map((size, at): Dim => (size === -1 ? (x.shape[at] ?? null) : size))
  const inputs = [x.value(graph), graph.integers(wanted.map((size) => (size === -1 ? 1 : size)))]
  return new Tensor(graph.op('Expand', inputs, { dtype: x.dtype, shape }))
}

function shapeOf(given: Arguments): Tensor {
  const { graph } = given
  const x = first(given)
  const output = { dtype: 'int64' as const, shape: [x.rank] }
  return cast(graph, new Tensor(graph.op('Shape', [x.value(graph)], output)), 'int32')
}

function blocks(op: 'DepthToSpace' | 'SpaceToDepth') {
  return (given: Arguments): Tensor => {
    const { graph } = given
    const x = toFloat(graph, first(given))
    const size = given.integer(1, ['block_size', 'blocksize'])
    const format = given.text(undefined, 'data_format', 'channels_last')
    if (x.rank !== 4 || size < 1) throw given.unsupported('other than four dimensions')
    const layout = /^(channels_first|NCHW)$/.test(format) ? 'last' : 'first'
    return op === 'SpaceToDepth' ? gathered(given, x, size, layout) : spread(given, x, size, layout)
  }
}

/** TensorFlow keeps the place in the block in front of the channel: ONNX's DCR mode. */
function spread(given: Arguments, x: Tensor, size: number, layout: 'first' | 'last'): Tensor {
  const { graph } = given
  const value = x.value(graph, layout)
  const [n = null, c = null, h = null, w = null] = value.shape
  if (c === null) throw given.unsupported('an open number of channels')
  const shape = [n, c / size ** 2, h === null ? null : h * size, w === null ? null : w * size]
  const attributes = { blocksize: int(size), mode: string('DCR') }
  const out = graph.op('DepthToSpace', [value], { dtype: 'float32', shape }, attributes)
  return new Tensor(out, layout)
}

function gathered(given: Arguments, x: Tensor, size: number, layout: 'first' | 'last'): Tensor {
  const { graph } = given
  const value = x.value(graph, layout)
  const [n = null, c = null, h = null, w = null] = value.shape
  if (c === null) throw given.unsupported('an open number of channels')
  const shape = [n, c * size ** 2, h === null ? null : h / size, w === null ? null : w / size]
  const attributes = { blocksize: int(size) }
  const out = graph.op('SpaceToDepth', [value], { dtype: 'float32', shape }, attributes)
  return new Tensor(out, layout)
}

export const SHAPES: Operations = {
  broadcast_to: broadcastTo,
  concat: concatenated,
  concatenate: concatenated,
  depth_to_space: blocks('DepthToSpace'),
  expand_dims: (given) =>
    expandDims(given.graph, first(given), given.integers(1, ['axis', 'dim']) ?? [0]),
  flip: flipped,
  gather: taken,
  get_item: getItem,
  moveaxis: moved,
  pad: padded,
  repeat: repeated,
  reshape: reshaped,
  reverse: flipped,
  roll: rolled,
  shape: shapeOf,
  space_to_depth: blocks('SpaceToDepth'),
  split,
  squeeze: squeezed,
  stack: stacked,
  swapaxes: swapped,
  take: taken,
  tile: tiled,
  transpose: transposed,
  unstack: unstacked,
}
