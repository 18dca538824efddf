import { isList } from '../config/json.ts'
import { pad, slice } from '../graph/ops/shape.ts'
import { one } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'

/** Layers that add or cut off at the borders. */
export const BORDERS: LayerKinds = Object.fromEntries(
  [1, 2, 3].flatMap((dimensions): [string, LayerKind][] => [
    [`ZeroPadding${dimensions}D`, { lower: (call) => padded(call, dimensions) }],
    [`Cropping${dimensions}D`, { lower: (call) => cropped(call, dimensions) }],
  ]),
)

function padded(call: LayerCall, dimensions: number) {
  const amounts = amountsOf(call, 'padding', dimensions)
  const first = firstAxis(call)
  const x = one(call)
  const pads = x.shape.map((_, axis): [number, number] => amounts[axis - first] ?? [0, 0])
  return pad(call.graph, x, pads)
}

function cropped(call: LayerCall, dimensions: number) {
  const first = firstAxis(call)
  const ranges = amountsOf(call, 'cropping', dimensions).map(([before, after], at) => ({
    axis: first + at,
    start: before,
    stop: after === 0 ? undefined : -after,
  }))
  return slice(call.graph, one(call), ranges)
}

export function firstAxis({ config }: LayerCall): number {
  return config.dataFormat === 'channels_last' ? 1 : 2
}

/** One number for all, one for each axis, or a pair for each axis. */
function amountsOf({ config }: LayerCall, name: string, dimensions: number): [number, number][] {
  const value = config.get(name)
  const list = isList(value) ? value : Array.from({ length: dimensions }, () => value ?? null)
  // In one dimension the pair itself may stand for the list.
  const items = dimensions === 1 && list.length === 2 ? [list] : list
  const pairs = items.map((item): [number, number] => {
    const [before, after] = isList(item) ? item : [item, item]
    if (isAmount(before) && isAmount(after)) return [before, after]
    throw config.wrong(name, 'amounts')
  })
  if (pairs.length !== dimensions) throw config.wrong(name, `${dimensions} amounts`)
  return pairs
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
