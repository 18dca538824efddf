import { unsupported } from '../../failure.ts'
import type { Layer } from '../../config/model.ts'
import { snakeCase } from '../../read/checkpoint-weights.ts'
import type { LayerKind } from '../layer-kind.ts'
import { Arguments, type Operations } from './arguments.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { REDUCTIONS } from './reductions.ts'
import { SELECTION } from './selection.ts'
import { SHAPES } from './shapes.ts'
import { VISION } from './vision.ts'

const OPERATIONS: Operations = {
  ...ELEMENTWISE,
  ...REDUCTIONS,
  ...SELECTION,
  ...SHAPES,
  ...VISION,
}

/** What TensorFlow calls otherwise. */
const TENSORFLOW_NAMES: Readonly<Record<string, string>> = {
  getitem: 'get_item',
  gelu: 'tf_gelu',
  mul: 'multiply',
  neg: 'negative',
  pow: 'power',
  realdiv: 'truediv',
  resize_images: 'resize',
  resize_images_v2: 'resize',
  sub: 'subtract',
  swish: 'silu',
}

/** Classes of Keras 3 whose names do not follow the rule. */
const KERAS_NAMES: Readonly<Record<string, string>> = {
  rgbto_grayscale: 'rgb_to_grayscale',
}

/**
 * An operation on tensors that a Functional model recorded: a class of keras.ops, or a function of
 * TensorFlow by its name. Undefined where the layer is none that is known.
 */
export function operationKind(layer: Layer): LayerKind | undefined {
  const name = operationName(layer)
  const known = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined
  return known && { lower: (call) => known(new Arguments(call)) }
}

function operationName({ className, config }: Layer): string {
  if (className !== 'TFOpLambda' && className !== 'SlicingOpLambda') {
    const name = snakeCase(className)
    return KERAS_NAMES[name] ?? name
  }
  const path = config.string('function', '')
  const last = path.slice(path.lastIndexOf('.') + 1)
  const name = TENSORFLOW_NAMES[last] ?? last
  return name.startsWith('reduce_') ? name.slice('reduce_'.length) : name
}

/** TensorFlow's own name of a function, for the refusal. */
export function refusedOperation(layer: Layer): Error | undefined {
  if (layer.className !== 'TFOpLambda' && layer.className !== 'SlicingOpLambda') return undefined
  const path = layer.config.string('function', layer.name)
  return unsupported(
    `${layer.name} is the TensorFlow function ${path}, which is not compiled: build the model of ` +
      "Keras' own layers, or export it to ONNX",
  )
}
