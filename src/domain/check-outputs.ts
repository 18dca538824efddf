import { CutoverError } from './errors.ts'
import { describeSpec, type Signature } from './signature.ts'

/** Throws TENSOR_INVALID, saying what there is, when a name is not an output's. */
export function checkOutputs({ outputs }: Signature, names: readonly string[]): void {
  for (const name of names) {
    if (!outputs.some((spec) => spec.name === name)) {
      throw new CutoverError(
        'TENSOR_INVALID',
        `there is no output ${name}; the model gives ${outputs.map(describeSpec).join('; ')}`,
      )
    }
  }
}
