import type { DType } from '../../domain/tensor.ts'
import { unsupported } from '../failure.ts'
import { eager, lazy } from './constants.ts'
import type { Attributes, Dim, Node, Value } from './ir.ts'

const NODES_MAX = 100_000

interface Output {
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

/** Collects the nodes of a graph, and gives names that are not taken. */
export class GraphBuilder {
  readonly nodes: Node[] = []
  readonly #names = new Map<string, number>()
  readonly #shared = new Map<string, Value>()
  /** The layer whose nodes are being made: their names begin with it. */
  scope = 'model'

  /** A name that begins like this and that nothing else has. */
  name(wanted: string): string {
    const taken = this.#names.get(wanted) ?? 0
    this.#names.set(wanted, taken + 1)
    return taken === 0 ? wanted : this.name(`${wanted}_${taken}`)
  }

  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    return { name: this.name(name), dtype, shape }
  }

  /** The same value under a name that a model's clients see. */
  named(value: Value, wanted: string): Value {
    const { dtype, shape } = value
    const output = { name: this.name(wanted), dtype, shape }
    const name = this.name(`${wanted}/Identity`)
    this.nodes.push({ op: 'Identity', name, inputs: [value], outputs: [output], attributes: {} })
    return output
  }

  /** A node with one output. */
  op(
    op: string,
    inputs: readonly (Value | undefined)[],
    output: Output,
    attributes: Attributes = {},
  ): Value {
    const [value] = this.ops(op, inputs, [output], attributes)
    if (value === undefined) throw new TypeError('a node without an output')
    return value
  }

  ops(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly Output[],
    attributes: Attributes = {},
  ): Value[] {
    if (this.nodes.length >= NODES_MAX) {
      throw unsupported(`it needs more than ${NODES_MAX} operations`)
    }
    const name = this.name(`${this.scope}/${op}`)
    const values = outputs.map(({ dtype, shape }, at): Value => {
      const suffix = at === 0 ? '' : `:${at}`
      return { name: name + suffix, dtype, shape }
    })
    this.nodes.push({ op, name, inputs, outputs: values, attributes })
    return values
  }

  floats(data: Float32Array | readonly number[], shape: readonly number[]): Value {
    const values = data instanceof Float32Array ? data : Float32Array.from(data)
    return {
      name: this.name(`${this.scope}/constant`),
      dtype: 'float32',
      shape,
      constant: eager(values),
    }
  }

  /** A large constant, which is made when the file is written. */
  weights(name: string, shape: readonly number[], load: () => Float32Array): Value {
    const count = shape.reduce((product, size) => product * size, 1)
    const constant = lazy(count, load)
    return { name: this.name(`${this.scope}/${name}`), dtype: 'float32', shape, constant }
  }

  /** The same numbers are one constant, wherever they are used. */
  scalar(value: number, dtype: DType = 'float32'): Value {
    return this.#once(`${dtype}:${Object.is(value, -0) ? '-0' : value}`, () => ({
      name: this.name(`constants/${dtype}`),
      dtype,
      shape: [],
      constant: eager(arrayOf(dtype, [value])),
    }))
  }

  integers(values: readonly number[], dtype: 'int64' | 'int32' = 'int64'): Value {
    return this.#once(`${dtype}[${values.join()}]`, () => ({
      name: this.name(`constants/${dtype}s`),
      dtype,
      shape: [values.length],
      constant: eager(arrayOf(dtype, values)),
    }))
  }

  #once(key: string, make: () => Value): Value {
    const value = this.#shared.get(key) ?? make()
    this.#shared.set(key, value)
    return value
  }
}

export function arrayOf(dtype: DType, values: readonly number[]): ArrayBufferView {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(values)
    case 'int64':
      return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)))
    case 'int32':
      return Int32Array.from(values)
    case 'bool':
    case 'uint8':
      return Uint8Array.from(values)
    default:
      throw unsupported(`constants of ${dtype} are not supported`)
  }
}
