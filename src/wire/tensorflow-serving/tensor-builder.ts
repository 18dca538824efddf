import { CutoverError } from '../../domain/errors.ts'
import { describeSpec, type TensorSpec } from '../../domain/signature.ts'
import type { Tensor } from '../../domain/tensor.ts'
import type { Sliced } from '../../lib/in-slices.ts'
import { readArray } from '../json/array.ts'
import { Byte } from '../json/bytes.ts'
import type { ElementSink } from '../json/elements.ts'
import type { JsonReader } from '../json/reader.ts'
import { sinkOf } from './base64-strings.ts'

/** Makes a tensor of JSON values that all have one shape, which their nesting says. */
export class TensorBuilder {
  readonly #spec: TensorSpec
  readonly #sink: ElementSink
  #shape: readonly number[] | undefined
  #count = 0
  #values = 0

  constructor(spec: TensorSpec) {
    const { name, dtype } = spec
    if (dtype === 'float16') {
      throw new CutoverError('TENSOR_INVALID', `input ${name}: float16 has no form in JSON`)
    }
    this.#spec = spec
    this.#sink = sinkOf(dtype, `input ${name}`)
  }

  /** Reads one more value: a number, a string, or arrays of them. */
  *read(reader: JsonReader): Sliced<void> {
    const shape = yield* this.#value(reader)
    this.#shape ??= shape
    const expected = this.#shape
    if (expected.length !== shape.length || expected.some((size, axis) => size !== shape[axis])) {
      throw this.#wrong(
        `value ${this.#values} has the shape [${shape.join(', ')}], ` +
          `those before it [${expected.join(', ')}]`,
      )
    }
    this.#values++
  }

  /** The one value that was read, as it is. */
  single(): Tensor {
    return { dtype: this.#spec.dtype, shape: this.#shape ?? [], data: this.#sink.data() }
  }

  /** All values that were read, one after the other along a first dimension. */
  batch(): Tensor {
    const { shape, ...tensor } = this.single()
    return { ...tensor, shape: [this.#values, ...shape] }
  }

  get values(): number {
    return this.#values
  }

  *#value(reader: JsonReader): Sliced<readonly number[]> {
    if (reader.peek() !== Byte.ArrayOpen) {
      this.#sink.read(reader, this.#count++)
      return []
    }
    const { count, shape } = yield* readArray(reader, this.#sink, Infinity, this.#count)
    this.#count += count
    if (shape === undefined) throw this.#wrong('its lists differ in length or depth')
    return shape
  }

  #wrong(what: string): CutoverError {
    const spec = describeSpec(this.#spec)
    return new CutoverError('TENSOR_INVALID', `input ${this.#spec.name}: ${what}; it is ${spec}`)
  }
}
