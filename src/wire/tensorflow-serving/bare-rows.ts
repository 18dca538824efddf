import type { TensorSpec } from '../../domain/signature.ts'
import type { NamedTensors } from '../../domain/tensor.ts'

/**
 * TensorFlow Serving does not hold tensors against the signature's shape: its own first example,
 * `{"instances": [1.0, 2.0, 5.0]}`, leaves out the brackets that the signature [?, 1] asks for.
 * Here they are put around such rows; undefined: there are none.
 */
export function bracketed(
  inputs: NamedTensors,
  specs: readonly TensorSpec[],
): NamedTensors | undefined {
  const bare = specs.filter(
    ({ name, shape }) =>
      shape?.length === 2 && shape[1] === 1 && inputs.get(name)?.shape.length === 1,
  )
  if (bare.length === 0) return undefined
  const tensors = new Map(inputs)
  for (const { name } of bare) {
    const tensor = inputs.get(name)
    if (tensor !== undefined) tensors.set(name, { ...tensor, shape: [...tensor.shape, 1] })
  }
  return tensors
}

/** The answer to bare rows has none of these brackets either. */
export function unbracketed(outputs: NamedTensors): NamedTensors {
  return new Map(
    [...outputs].map(([name, tensor]) => {
      const [rows, values] = tensor.shape
      const isOne = tensor.shape.length === 2 && rows !== undefined && values === 1
      return [name, isOne ? { ...tensor, shape: [rows] } : tensor]
    }),
  )
}
