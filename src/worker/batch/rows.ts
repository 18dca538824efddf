import { elementCount, type NamedTensors, type Tensor } from '../../domain/tensor.ts'

/** How many rows the inputs of one request have; undefined: not the same number in all, or none. */
export function rowsOf(inputs: NamedTensors): number | undefined {
  let rows: number | undefined
  for (const { shape } of inputs.values()) {
    const [first] = shape
    if (first === undefined || first === 0 || (rows ?? first) !== first) return undefined
    rows = first
  }
  return rows
}

/** Whether the tensors differ in their first dimension at most. */
export function areJoinable(some: NamedTensors, others: NamedTensors): boolean {
  if (some.size !== others.size) return false
  for (const [name, { dtype, shape }] of some) {
    const other = others.get(name)
    if (other?.dtype !== dtype || other.shape.length !== shape.length) return false
    for (let axis = 1; axis < shape.length; axis++) {
      if (shape[axis] !== other.shape[axis]) return false
    }
  }
  return true
}

/**
 * The rows of several requests below each other, and rows of zeros below those up to `rows`. The
 * requests must be joinable, and of a dtype whose elements are all as long.
 */
export function joinRows(requests: readonly NamedTensors[], rows: number): NamedTensors {
  const joined = new Map<string, Tensor>()
  for (const [name, { dtype, shape, data }] of requests[0] ?? []) {
    const rowBytes = data.byteLength / (shape[0] ?? 1)
    const all = new Uint8Array(rowBytes * rows)
    let at = 0
    for (const request of requests) {
      const part = request.get(name)?.data ?? new Uint8Array()
      all.set(part, at)
      at += part.byteLength
    }
    joined.set(name, { dtype, shape: [rows, ...shape.slice(1)], data: all })
  }
  return joined
}

/**
 * What belongs to each request, given how many rows each had: views of the outputs. Undefined when
 * an output has not as many rows as the run, so that nobody knows which row is whose.
 */
export function splitRows(
  outputs: NamedTensors,
  rowsEach: readonly number[],
  rows: number,
): NamedTensors[] | undefined {
  const each = rowsEach.map(() => new Map<string, Tensor>())
  for (const [name, { dtype, shape, data }] of outputs) {
    if (shape[0] !== rows || dtype === 'string') return undefined
    const rest = shape.slice(1)
    const rowBytes = elementCount(rest) === 0 ? 0 : data.byteLength / rows
    let at = 0
    for (const [index, own] of rowsEach.entries()) {
      const bytes = own * rowBytes
      const part = data.subarray(at, at + bytes)
      each[index]?.set(name, { dtype, shape: [own, ...rest], data: part })
      at += bytes
    }
  }
  return each
}

/**
 * The sizes that runs are filled up to where each size costs memory of its own: powers of four below
 * the largest, and that. Few, and with a run so small that its size hardly matters to a GPU.
 */
export function batchSizes(sizeMax: number): number[] {
  const sizes: number[] = []
  for (let size = 1; size < sizeMax; size *= 4) sizes.push(size)
  return [...sizes, sizeMax]
}
