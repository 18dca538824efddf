import { unloadable, unsupported } from '../../failure.ts'
import { isList, type Json } from '../../config/json.ts'
import { arrayOf, type GraphBuilder } from '../../graph/builder.ts'
import { eager } from '../../graph/constants.ts'
import { scalar, toFloat } from '../../graph/ops/elementwise.ts'
import { Tensor } from '../../graph/tensor.ts'
import type { DType } from '../../../domain/tensor.ts'
import type { LayerCall, Result, Value } from '../layer-kind.ts'

/**
 * What an operation was called with. Keras 3 keeps most arguments in the operation's own
 * configuration, TensorFlow's Keras all of them in the call; they are found by any of their names.
 */
export class Arguments {
  readonly graph: GraphBuilder
  readonly call: LayerCall

  constructor(call: LayerCall) {
    this.graph = call.graph
    this.call = call
  }

  /** The argument in this place or of one of these names; null where there is none. */
  value(place: number | undefined, ...names: readonly string[]): Value {
    const { args, kwargs, config } = this.call
    const placed = place === undefined ? undefined : args[place]
    if (placed !== undefined) return placed
    for (const name of names) {
      const given = kwargs.get(name) ?? valueOfJson(config.get(name))
      if (given !== null) return given
    }
    return null
  }

  /** A tensor, or a constant of the type that it goes with. */
  tensor(place: number, names: string | readonly string[], like?: DType): Tensor {
    const given = this.value(place, ...[names].flat())
    return this.#tensorOf(given, like) ?? this.#missing([names].flat()[0] ?? '')
  }

  /** Both operands, of one type. */
  pair(first: string | readonly string[] = ['x', 'x1'], second = ['y', 'x2']): [Tensor, Tensor] {
    const [a, b] = [this.value(0, ...[first].flat()), this.value(1, ...second)]
    const dtypeOf = (value: Value) => (value instanceof Tensor ? value.dtype : undefined)
    const like = dtypeOf(a) ?? dtypeOf(b) ?? 'float32'
    // An integer goes with an integer; anything else makes floats of both.
    const isFloat = [a, b].some((one) => hasFloats(one) || dtypeOf(one) === 'float32')
    const dtype = isFloat ? 'float32' : like
    const [x, y] = [this.#tensorOf(a, dtype), this.#tensorOf(b, dtype)]
    if (x === undefined || y === undefined) return this.#missing('y')
    return x.dtype === y.dtype ? [x, y] : [toFloat(this.graph, x), toFloat(this.graph, y)]
  }

  tensors(place: number, ...names: readonly string[]): Tensor[] {
    const given = this.value(place, ...names)
    const list = given instanceof Tensor ? [given] : given
    if (!Array.isArray(list)) return this.#missing(names[0] ?? '')
    const values = list as readonly Value[]
    const like = values.find((one) => one instanceof Tensor)?.dtype
    return values.map((one) => this.#tensorOf(one, like) ?? this.#missing(names[0] ?? ''))
  }

  integer(
    place: number | undefined,
    names: string | readonly string[],
    otherwise?: number,
  ): number {
    const given = this.value(place, ...[names].flat())
    if (typeof given === 'number' && Number.isSafeInteger(given)) return given
    if (given === null && otherwise !== undefined) return otherwise
    return this.#missing([names].flat()[0] ?? '')
  }

  /** A list of whole numbers, or one; undefined where none is given. */
  integers(
    place: number | undefined,
    names: string | readonly string[],
  ): readonly number[] | undefined {
    const given = this.value(place, ...[names].flat())
    if (given === null) return undefined
    const list: readonly Value[] = Array.isArray(given) ? (given as readonly Value[]) : [given]
    const numbers = list.filter((one) => typeof one === 'number')
    if (numbers.length < list.length) {
      throw unsupported(`${this.call.layer.name}: ${[names].flat()[0]} is not constant`)
    }
    return numbers
  }

  float(place: number | undefined, names: string | readonly string[], otherwise?: number): number {
    const given = this.value(place, ...[names].flat())
    if (typeof given === 'number') return given
    if (given === null && otherwise !== undefined) return otherwise
    return this.#missing([names].flat()[0] ?? '')
  }

  flag(names: string | readonly string[], otherwise: boolean): boolean {
    const given = this.value(undefined, ...[names].flat())
    return typeof given === 'boolean' ? given : otherwise
  }

  text(place: number | undefined, names: string | readonly string[], otherwise: string): string {
    const given = this.value(place, ...[names].flat())
    return typeof given === 'string' ? given : otherwise
  }

  unsupported(what: string): Error {
    return unsupported(`${this.call.layer.name}: ${what}`)
  }

  #tensorOf(given: Value, like: DType | undefined): Tensor | undefined {
    if (given instanceof Tensor) return given
    if (typeof given === 'number' || typeof given === 'boolean') {
      const isWhole = Number.isSafeInteger(Number(given))
      const dtype = like !== undefined && (isWhole || like === 'float32') ? like : 'float32'
      return scalar(this.graph, Number(given), dtype)
    }
    if (!Array.isArray(given)) return undefined
    const { numbers, shape } = arrayIn(given as readonly Value[])
    const dtype = like ?? 'float32'
    const name = this.graph.name(`${this.graph.scope}/constant`)
    const constant = eager(arrayOf(dtype, numbers))
    return new Tensor({ name, dtype, shape, constant })
  }

  #missing(name: string): never {
    const { layer } = this.call
    throw unloadable(`${layer.className} ${layer.name}: its argument ${name} is missing`)
  }
}

export type Operation = (given: Arguments) => Result
export type Operations = Readonly<Record<string, Operation>>

function hasFloats(value: Value): boolean {
  if (typeof value === 'number') return !Number.isSafeInteger(value)
  return Array.isArray(value) && (value as readonly Value[]).some(hasFloats)
}

/** Nested lists of numbers, all of one length in each depth. */
function arrayIn(list: readonly Value[]): { numbers: number[]; shape: number[] } {
  const [first] = list
  if (!Array.isArray(first)) {
    const numbers = list.map(Number)
    return { numbers, shape: [list.length] }
  }
  const inner = list.map((one) => arrayIn(Array.isArray(one) ? (one as readonly Value[]) : []))
  const shape = inner[0]?.shape ?? []
  if (inner.some((one) => one.shape.join() !== shape.join())) {
    throw unloadable('a constant whose rows differ in length')
  }
  return { numbers: inner.flatMap(({ numbers }) => numbers), shape: [list.length, ...shape] }
}

function valueOfJson(json: Json | undefined): Value {
  if (json === undefined) return null
  if (isList(json)) return json.map(valueOfJson)
  return typeof json === 'object' ? null : json
}
