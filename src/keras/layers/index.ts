import type { Layer } from '../config/model.ts'
import { unsupported } from '../failure.ts'
import { isOperation } from '../read/checkpoint-weights.ts'
import { ACTIVATION_LAYERS } from './activation-layers.ts'
import { ADAPTIVE_POOLINGS } from './adaptive-pooling.ts'
import { APPLICATIONS } from './applications.ts'
import { ATTENTION } from './attention.ts'
import { AUGMENTATION } from './augmentation.ts'
import { BATCH_NORMALIZATION } from './batch-normalization.ts'
import { BORDERS } from './borders.ts'
import { CONVOLUTIONS } from './convolution.ts'
import { CONVOLUTIONAL_LSTM } from './convolutional-lstm.ts'
import { CORE } from './core.ts'
import { DENSE } from './dense.ts'
import { DOT } from './dot.ts'
import { EINSUM_DENSE } from './einsum-dense.ts'
import { EMBEDDINGS } from './embedding.ts'
import { ENCODINGS } from './encoding.ts'
import type { LayerKind, LayerKinds } from './layer-kind.ts'
import { MERGING } from './merging.ts'
import { MULTI_HEAD_ATTENTION } from './multi-head-attention.ts'
import { NORMALIZATIONS } from './normalization.ts'
import { operationKind, refusedOperation } from './operations/index.ts'
import { POOLINGS } from './pooling.ts'
import { RECURRENT } from './recurrent.ts'
import { RECURRENT_CELLS } from './recurrent-cells.ts'
import { RESCALING } from './rescaling.ts'
import { RESIZINGS } from './resizing.ts'
import type { WeightSlot } from './weight-slot.ts'
import { wrappers } from './wrappers.ts'

const LAYERS: LayerKinds = {
  ...ACTIVATION_LAYERS,
  ...ADAPTIVE_POOLINGS,
  ...APPLICATIONS,
  ...ATTENTION,
  ...AUGMENTATION,
  ...BATCH_NORMALIZATION,
  ...BORDERS,
  ...CONVOLUTIONS,
  ...CONVOLUTIONAL_LSTM,
  ...CORE,
  ...DENSE,
  ...DOT,
  ...EINSUM_DENSE,
  ...EMBEDDINGS,
  ...ENCODINGS,
  ...MERGING,
  ...MULTI_HEAD_ATTENTION,
  ...NORMALIZATIONS,
  ...POOLINGS,
  ...RECURRENT,
  ...RECURRENT_CELLS,
  ...RESCALING,
  ...RESIZINGS,
  ...wrappers(weightsOf),
}

/** How a layer is compiled. Throws FORMAT_UNSUPPORTED for what is not known. */
export function kindOf(layer: Layer): LayerKind {
  const { className, name } = layer
  const known = recordedKind(layer) ?? layerKind(layer)
  if (known !== undefined) return known
  if (className === 'Lambda') {
    throw unsupported(
      `the Lambda layer ${name} holds Python code, which is not run here: ` +
        "build the model of Keras' own layers, or export it to ONNX",
    )
  }
  throw (
    refusedOperation(layer) ??
    unsupported(
      `${name} is a ${className}, which is not compiled: build the model of the layers listed in ` +
        'docs/keras.md, or export it to ONNX',
    )
  )
}

/** The variables that a layer has, in the order in which Keras made them. */
export function weightsOf(layer: Layer): readonly WeightSlot[] {
  const isLayer = recordedKind(layer) === undefined
  return (isLayer ? layerKind(layer)?.weights?.(layer) : undefined) ?? []
}

/** Undefined for a layer, also for one that looks like an operation by what its file says of it. */
function recordedKind(layer: Layer): LayerKind | undefined {
  return isRecorded(layer) ? operationKind(layer) : undefined
}

function layerKind({ className }: Layer): LayerKind | undefined {
  return Object.hasOwn(LAYERS, className) ? LAYERS[className] : undefined
}

/**
 * Operations share names with layers (Add, Softmax). Where the file does not say which it is, a
 * layer's configuration says whether it is trained, an operation's does not.
 */
function isRecorded(layer: Layer): boolean {
  if (/^(TFOpLambda|SlicingOpLambda)$/.test(layer.className)) return true
  if (layer.module !== undefined) return isOperation(layer)
  const { config } = layer
  return config.get('trainable') === undefined
}
