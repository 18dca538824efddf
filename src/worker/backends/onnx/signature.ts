import type { InferenceSession } from 'onnxruntime-node'

import { CutoverError } from '../../../domain/errors.ts'
import type { Signature, TensorSpec } from '../../../domain/signature.ts'
import { isDType } from '../../../domain/tensor.ts'

export function signatureOf(session: InferenceSession): Signature {
  return {
    inputs: session.inputMetadata.map(specOf),
    outputs: session.outputMetadata.map(specOf),
  }
}

function specOf(metadata: InferenceSession.ValueMetadata): TensorSpec {
  const { name } = metadata
  if (!metadata.isTensor) {
    throw new CutoverError('MODEL_UNLOADABLE', `${name} is a sequence or a map, not a tensor`)
  }
  if (!isDType(metadata.type)) {
    throw new CutoverError('MODEL_UNLOADABLE', `${name} has the type ${metadata.type}`)
  }
  const shape = metadata.shape.map((dimension) =>
    // An unnamed dynamic dimension comes as an empty string or -1.
    dimension === '' || (typeof dimension === 'number' && dimension < 0) ? null : dimension,
  )
  return { name, dtype: metadata.type, shape }
}
