import { cast } from '../../graph/ops/elementwise.ts'
import { expandDims, gather, slice, squeeze, type Range } from '../../graph/ops/shape.ts'
import { Tensor } from '../../graph/tensor.ts'
import type { Value } from '../layer-kind.ts'
import type { Arguments } from './arguments.ts'
import { first } from './elementwise.ts'

const NEW_AXIS = null
const REST = '...'

/** Python's `x[…]` with whole numbers, slices, `...` and `None`. */
export function getItem(given: Arguments): Tensor {
  const { graph } = given
  const x = first(given)
  const key = given.value(1, 'key', 'slice_spec')
  const items: readonly Value[] = Array.isArray(key) ? (key as readonly Value[]) : [key]
  const used = items.filter((item) => item !== NEW_AXIS && item !== REST).length
  const ranges: Range[] = []
  const gone: number[] = []
  const added: number[] = []
  let axis = 0
  let place = 0
  for (const item of items) {
    if (item === REST) {
      const skipped = x.rank - used
      axis += skipped
      place += skipped
    } else if (item === NEW_AXIS) {
      added.push(place++)
    } else if (typeof item === 'number') {
      ranges.push({ axis, start: item, stop: item === -1 ? undefined : item + 1 })
      gone.push(axis++)
    } else if (item instanceof Tensor) {
      return gathered(given, x, items, axis)
    } else {
      ranges.push({ axis: axis++, ...rangeOf(given, item) })
      place++
    }
  }
  if (axis > x.rank) throw given.unsupported('more indices than dimensions')
  const part = slice(graph, x, ranges)
  const narrow = gone.length === 0 ? part : squeeze(graph, part, gone)
  return added.length === 0 ? narrow : expandDims(graph, narrow, added)
}

/** A computed index alone: x[i]. */
function gathered(given: Arguments, x: Tensor, items: readonly Value[], axis: number): Tensor {
  const [index, ...others] = items
  if (!(index instanceof Tensor) || others.length > 0) {
    throw given.unsupported('computed indices among others')
  }
  return gather(given.graph, x, cast(given.graph, index, 'int64').value(given.graph), axis)
}

function rangeOf(given: Arguments, item: Value): Omit<Range, 'axis'> {
  if (typeof item !== 'object' || item === null || !('range' in item)) {
    throw given.unsupported(`the index ${JSON.stringify(item)}`)
  }
  const number = (value: Value): number | undefined => {
    if (value === null) return undefined
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value
    throw given.unsupported('a slice that is not constant')
  }
  const { start, stop, step } = item.range
  const by = number(step) ?? 1
  if (by === 0) throw given.unsupported('a step of 0')
  return { start: number(start), stop: number(stop), step: by }
}
