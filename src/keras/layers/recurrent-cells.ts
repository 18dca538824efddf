import { isList, isObject, type Json, type JsonObject } from '../config/json.ts'
import { LayerConfig } from '../config/layer-config.ts'
import type { Layer } from '../config/model.ts'
import { unloadable, unsupported } from '../failure.ts'
import { snakeCase } from '../read/checkpoint-weights.ts'
import { Tensor } from '../graph/tensor.ts'
import type { LayerKinds, Result } from './layer-kind.ts'
import { own, type WeightSlot } from './weight-slot.ts'

/** The layer that runs a cell over a sequence. */
const LAYER_OF: Readonly<Record<string, string>> = {
  GRUCell: 'GRU',
  LSTMCell: 'LSTM',
  SimpleRNNCell: 'SimpleRNN',
}

export const RECURRENT_CELLS: LayerKinds = {
  RNN: {
    weights: (rnn) => cellsOf(rnn).flatMap(slotsOf),
    lower: (call) => {
      const cells = cellsOf(call.layer)
      if (call.config.boolean('return_state', false) && cells.length > 1) {
        throw call.config.unsupported('the states of several cells')
      }
      let result: Result = call.inputs
      for (const { owner, layer } of cells) {
        const inputs: readonly Tensor[] = result instanceof Tensor ? [result] : result
        result = call.inner(owner, layer, inputs, call.kwargs)
      }
      return result
    },
  },
}

interface Cell {
  /** The attributes that lead to the cell. */
  readonly owner: string
  /** As a recurrent layer of its own: one cell after the other is one layer after the other. */
  readonly layer: Layer
}

/** The layer looks for its variables in a cell of its own: here it is the cell. */
function slotsOf({ owner, layer }: Cell): WeightSlot[] {
  const hasBias = layer.config.boolean('use_bias', true)
  const slots = own('kernel', 'recurrent_kernel', hasBias && 'bias')
  return slots.map((slot) => ({ ...slot, key: `${owner}/cell/${slot.key}`, owner }))
}

function cellsOf(rnn: Layer): Cell[] {
  const cell = rnn.config.object('cell')
  if (cell['class_name'] !== 'StackedRNNCells') {
    return [{ owner: 'cell', layer: asLayer(rnn, cell, { isFirst: true, isLast: true }) }]
  }
  const config = cell['config']
  const cells = isObject(config) ? config['cells'] : undefined
  if (!isList(cells)) throw unloadable(`${rnn.name} has no cells`)
  const counts = new Map<string, number>()
  return cells.map((one, at) => {
    const place = { isFirst: at === 0, isLast: at === cells.length - 1 }
    const layer = asLayer(rnn, one, place)
    const name = snakeCase(classOf(one))
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return { owner: `cell/cells/${count === 0 ? name : `${name}_${count}`}`, layer }
  })
}

function classOf(cell: Json): string {
  const name = isObject(cell) ? cell['class_name'] : undefined
  if (typeof name === 'string') return name
  throw unloadable('a recurrent layer has a cell without a class')
}

function asLayer(
  rnn: Layer,
  cell: Json,
  { isFirst, isLast }: { isFirst: boolean; isLast: boolean },
): Layer {
  const className = LAYER_OF[classOf(cell)]
  if (className === undefined) {
    throw unsupported(`${rnn.name} runs a ${classOf(cell)}, which is not compiled`)
  }
  const own = isObject(cell) && isObject(cell['config']) ? cell['config'] : {}
  const values: JsonObject = {
    ...own,
    return_sequences: !isLast || rnn.config.get('return_sequences') === true,
    return_state: isLast && rnn.config.get('return_state') === true,
    go_backwards: isFirst && rnn.config.get('go_backwards') === true,
    stateful: rnn.config.get('stateful') === true,
  }
  const name = `${rnn.name}/${className}`
  return { ...rnn, name, className, config: new LayerConfig(values, name), calls: [] }
}
