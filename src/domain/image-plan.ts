import {
  type AlphaHandling,
  type ColorOrder,
  IMAGE_DTYPES,
  type ImageDType,
  type ImageLayout,
  type ImageSettings,
  type ResizeMethod,
} from './manifest.ts'
import { describeSpec, type Dimension, type Signature, type TensorSpec } from './signature.ts'

/** How an image becomes the input tensor of one model, with nothing left open. */
export interface ImagePlan {
  readonly kind: 'plan'
  readonly input: string
  readonly dtype: ImageDType
  /** Of one image: [1, height, width, channels] or as the layout has it; the 1 only if `batched`. */
  readonly shape: readonly number[]
  /** The first dimension of `shape` is the batch. */
  readonly batched: boolean
  readonly layout: ImageLayout
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly color: ColorOrder
  /** Fraction of the short side that the centre square keeps; undefined: the whole image. */
  readonly crop: number | undefined
  readonly resize: ResizeMethod
  /** (value × scale − mean) / std; one mean and std per channel, in the order of the tensor. */
  readonly scale: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly orient: boolean
  readonly alpha: AlphaHandling
}

/** Why a model takes no images, in a sentence its publisher can act on. */
export interface ImageRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

/** 256 MiB of float32: a larger input is a mistake in a manifest, not an image. */
const ELEMENTS_MAX = 2 ** 26

/**
 * Settles how images become input, from the manifest's settings and the model's signature. What
 * both leave open falls back to what the Flask service did: resize to the input's size with
 * TensorFlow's bilinear, RGB, no scaling.
 */
export function planImage(
  settings: ImageSettings | undefined,
  signature: Signature,
): ImagePlan | ImageRefusal {
  try {
    return resolve(settings ?? {}, signature)
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', reason: error.message }
    throw error
  }
}

/** Never leaves this file: it spares every step below a union of its own. */
class Refusal extends Error {}

function resolve(settings: ImageSettings, signature: Signature): ImagePlan {
  const spec = inputOf(settings, signature)
  const { batched, dimensions } = axesOf(spec)
  const layout = settings.layout ?? layoutOf(spec, dimensions)
  const [rows, columns, depth] = layout === 'NHWC' ? [0, 1, 2] : [1, 2, 0]
  const channels = channelsOf(spec, dimensions[depth] ?? null, layout, settings.color)
  const height = sizeOf(spec, 'height', dimensions[rows] ?? null, settings.height)
  const width = sizeOf(spec, 'width', dimensions[columns] ?? null, settings.width)
  if (width * height * channels > ELEMENTS_MAX) {
    throw new Refusal(`an image of ${width}×${height} is more than an input may hold`)
  }
  const image = layout === 'NHWC' ? [height, width, channels] : [channels, height, width]
  return {
    kind: 'plan',
    input: spec.name,
    dtype: dtypeOf(spec, settings.dtype),
    shape: batched ? [1, ...image] : image,
    batched,
    layout,
    width,
    height,
    channels,
    color: channels === 1 ? 'gray' : (settings.color ?? 'rgb'),
    crop: cropOf(settings.crop),
    resize: settings.resize ?? 'tensorflow-bilinear',
    scale: settings.scale ?? 1,
    mean: perChannel('mean', settings.mean ?? [0], channels),
    std: perChannel('std', nonZero(settings.std ?? [1]), channels),
    orient: settings.orient ?? false,
    alpha: settings.alpha ?? 'drop',
  }
}

function inputOf({ input }: ImageSettings, { inputs }: Signature): TensorSpec {
  const all = inputs.map(describeSpec).join('; ')
  if (input !== undefined && !inputs.some((spec) => spec.name === input)) {
    throw new Refusal(`image.input is ${input} in manifest.json, but the model takes ${all}`)
  }
  const [only, ...others] = inputs
  if (only === undefined) throw new Refusal('the model has no inputs')
  if (others.length > 0) {
    throw new Refusal(`the model takes several inputs and an image fills only one: ${all}`)
  }
  return only
}

/** The three dimensions of one image; an input of unknown rank is taken for a batch of images. */
function axesOf(spec: TensorSpec): { batched: boolean; dimensions: readonly Dimension[] } {
  const shape = spec.shape ?? [null, null, null, null]
  if (shape.length === 3) return { batched: false, dimensions: shape }
  if (shape.length !== 4) {
    throw new Refusal(
      `input ${describeSpec(spec)} has ${shape.length} dimensions, not those of images`,
    )
  }
  const [batch, ...dimensions] = shape
  if (typeof batch === 'number' && batch !== 1) {
    throw new Refusal(`input ${describeSpec(spec)} takes ${batch} images at a time, never one`)
  }
  return { batched: true, dimensions }
}

/** The channels are where a 1 or a 3 stands, the last dimension first; else where they can be. */
function layoutOf(spec: TensorSpec, dimensions: readonly Dimension[]): ImageLayout {
  const [first, , last] = dimensions
  if (last === 3 || last === 1) return 'NHWC'
  if (first === 3 || first === 1) return 'NCHW'
  if (typeof last !== 'number') return 'NHWC'
  if (typeof first !== 'number') return 'NCHW'
  throw new Refusal(`input ${describeSpec(spec)} has no dimension of 1 or 3 channels`)
}

function channelsOf(
  spec: TensorSpec,
  dimension: Dimension,
  layout: ImageLayout,
  color: ColorOrder | undefined,
): 1 | 3 {
  const wanted = color === undefined ? undefined : color === 'gray' ? 1 : 3
  if (typeof dimension !== 'number') return wanted ?? 3
  if (dimension !== 1 && dimension !== 3) {
    throw new Refusal(
      `input ${describeSpec(spec)} read as ${layout} has ${dimension} channels, not 1 or 3; ` +
        'set image.layout in manifest.json',
    )
  }
  if (wanted !== undefined && wanted !== dimension) {
    throw new Refusal(
      `image.color is ${color} in manifest.json, but input ${describeSpec(spec)} has ` +
        `${dimension} channel${dimension === 1 ? '' : 's'}`,
    )
  }
  return dimension
}

function sizeOf(
  spec: TensorSpec,
  side: 'width' | 'height',
  dimension: Dimension,
  setting: number | undefined,
): number {
  if (typeof dimension === 'number') {
    if (setting !== undefined && setting !== dimension) {
      throw new Refusal(
        `image.${side} is ${setting} in manifest.json, but input ${describeSpec(spec)} has a ` +
          `${side} of ${dimension}`,
      )
    }
    if (dimension < 1) throw new Refusal(`input ${describeSpec(spec)} has no ${side}`)
    return dimension
  }
  if (setting === undefined) {
    throw new Refusal(
      `input ${describeSpec(spec)} takes any size: set image.width and image.height in manifest.json`,
    )
  }
  if (!Number.isSafeInteger(setting) || setting < 1) {
    throw new Refusal(`image.${side} is ${setting} in manifest.json, not a number of pixels`)
  }
  return setting
}

function dtypeOf(spec: TensorSpec, setting: ImageDType | undefined): ImageDType {
  const dtype = IMAGE_DTYPES.find((name) => name === spec.dtype)
  if (dtype === undefined) {
    throw new Refusal(
      `input ${describeSpec(spec)} is ${spec.dtype}; images become ${IMAGE_DTYPES.join(', ')}`,
    )
  }
  if (setting !== undefined && setting !== dtype) {
    throw new Refusal(
      `image.dtype is ${setting} in manifest.json, but input ${describeSpec(spec)} is ${dtype}`,
    )
  }
  return dtype
}

function cropOf(crop: number | undefined): number | undefined {
  if (crop !== undefined && !(crop > 0 && crop <= 1)) {
    throw new Refusal(`image.crop is ${crop} in manifest.json, not a fraction above 0 and up to 1`)
  }
  return crop
}

function nonZero(std: readonly number[]): readonly number[] {
  if (std.includes(0))
    throw new Refusal('image.std has a 0 in manifest.json: nothing divides by it')
  return std
}

function perChannel(
  name: 'mean' | 'std',
  values: readonly number[],
  channels: 1 | 3,
): readonly number[] {
  const [only] = values
  if (values.length === 1 && only !== undefined) return Array.from({ length: channels }, () => only)
  if (values.length !== channels) {
    throw new Refusal(
      `image.${name} has ${values.length} values in manifest.json for ${channels} ` +
        `channel${channels === 1 ? '' : 's'}`,
    )
  }
  return values
}
