import type { Tensor as TfTensor } from '@tensorflow/tfjs-node'

import type { Signatures } from '../../../domain/signature.ts'

/** What a format must give; tensors are tfjs's, by the names of the signature. */
export interface OpenModel extends Signatures {
  /** The caller disposes of the outputs, and of the inputs. */
  run(
    inputs: ReadonlyMap<string, TfTensor>,
    outputs: readonly string[],
    signature?: string,
  ): Promise<Map<string, TfTensor>>
  close(): void
}
