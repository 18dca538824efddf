import { unloadable, unsupported } from '../failure.ts'
import { isList, isObject, type Json, type JsonObject } from './json.ts'

/** A layer's own configuration, read by name; errors name the layer and the option. */
export class LayerConfig {
  readonly values: JsonObject
  readonly #layer: string

  constructor(values: JsonObject, layer: string) {
    this.values = values
    this.#layer = layer
  }

  get(name: string): Json | undefined {
    return Object.hasOwn(this.values, name) ? this.values[name] : undefined
  }

  /** Neither missing nor null. */
  has(name: string): boolean {
    return (this.get(name) ?? null) !== null
  }

  integer(name: string, otherwise?: number): number {
    const value = this.get(name) ?? otherwise
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value
    throw this.wrong(name, 'a whole number')
  }

  float(name: string, otherwise?: number): number {
    const value = unboxed(this.get(name)) ?? otherwise
    if (typeof value === 'number') return value
    throw this.wrong(name, 'a number')
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.get(name) ?? otherwise
    if (typeof value === 'boolean') return value
    throw this.wrong(name, 'true or false')
  }

  string(name: string, otherwise?: string): string {
    const value = this.get(name) ?? otherwise
    if (typeof value === 'string') return value
    throw this.wrong(name, 'a text')
  }

  /** One of the words; what is none of them is not supported. */
  oneOf<const Word extends string>(name: string, words: readonly Word[], otherwise: Word): Word {
    const value = this.string(name, otherwise)
    const found = words.find((word) => word === value)
    if (found !== undefined) return found
    throw unsupported(`${this.#layer}: ${name} ${JSON.stringify(value)} is not supported`)
  }

  /** A list of whole numbers; a single one stands for a list of `count` times the same. */
  integers(name: string, count?: number, otherwise?: number): number[] {
    const value = this.get(name) ?? otherwise
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      return Array.from({ length: count ?? 1 }, () => value)
    }
    const list = integersOf(value)
    if (list !== undefined && (count === undefined || list.length === count)) return list
    throw this.wrong(name, count === undefined ? 'whole numbers' : `${count} whole numbers`)
  }

  /** Numbers in any nesting, in order. */
  floats(name: string): number[] {
    const flat: number[] = []
    const value = unboxed(this.get(name))
    const pending: (Json | undefined)[] = [value]
    while (pending.length > 0) {
      const next = pending.pop()
      if (typeof next === 'number') flat.push(next)
      else if (isList(next)) for (let at = next.length; at-- > 0;) pending.push(next[at])
      else throw this.wrong(name, 'numbers')
    }
    return flat
  }

  object(name: string): JsonObject {
    const value = this.get(name)
    if (isObject(value)) return value
    throw this.wrong(name, 'an object')
  }

  get dataFormat(): 'channels_last' | 'channels_first' {
    return this.oneOf('data_format', ['channels_last', 'channels_first'], 'channels_last')
  }

  wrong(name: string, expected: string): Error {
    const value = JSON.stringify(this.get(name) ?? null).slice(0, 100)
    return unloadable(`${this.#layer}: its configuration says ${name} ${value}, not ${expected}`)
  }

  unsupported(what: string): Error {
    return unsupported(`${this.#layer}: ${what}`)
  }
}

/** Numpy scalars and arrays are saved as `{class_name: '__numpy__' …}` or `{type: 'ndarray'}`. */
function unboxed(value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value
  const config = isObject(value['config']) ? value['config']['value'] : undefined
  return config ?? value['value']
}

function integersOf(value: Json | undefined): number[] | undefined {
  if (!isList(value)) return undefined
  const numbers = value.filter((one) => typeof one === 'number' && Number.isSafeInteger(one))
  return numbers.length === value.length ? (numbers as number[]) : undefined
}
