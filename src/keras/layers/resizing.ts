import { pad, slice } from '../graph/ops/shape.ts'
import { enlarge, type Interpolation, resizeTo } from '../graph/ops/resize.ts'
import type { Tensor } from '../graph/tensor.ts'
import { firstAxis } from './borders.ts'
import { layoutOf } from './convolution.ts'
import { one, oneFloat } from './inputs.ts'
import type { LayerCall, LayerKind, LayerKinds } from './layer-kind.ts'

export const RESIZINGS: LayerKinds = {
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
  UpSampling3D: upSampling(3),
  Resizing: { lower: resizing },
  CenterCrop: { lower: centerCrop },
  RandomCrop: { lower: randomCrop },
}

const INTERPOLATIONS = ['nearest', 'bilinear', 'bicubic'] as const

function interpolationOf({ config }: LayerCall, otherwise: Interpolation): Interpolation {
  return config.oneOf('interpolation', INTERPOLATIONS, otherwise)
}

function upSampling(dimensions: number): LayerKind {
  return {
    lower(call) {
      const { graph, config } = call
      const factors = config.integers('size', dimensions, 2)
      if (factors.some((factor) => factor < 1)) throw config.wrong('size', 'whole factors')
      const interpolation = dimensions === 2 ? interpolationOf(call, 'nearest') : 'nearest'
      return enlarge(graph, oneFloat(call, dimensions + 2), factors, interpolation, layoutOf(call))
    },
  }
}

interface Size {
  readonly height: number
  readonly width: number
}

function sizeOf({ config }: LayerCall): Size {
  const size = { height: config.integer('height'), width: config.integer('width') }
  if (size.height < 1 || size.width < 1) throw config.wrong('height', 'a size')
  return size
}

function resizing(call: LayerCall): Tensor {
  const { graph, config } = call
  const wanted = sizeOf(call)
  const interpolation = interpolationOf(call, 'bilinear')
  if (config.boolean('antialias', false)) throw config.unsupported('antialias')
  const x = oneFloat(call, 4)
  const framed = config.boolean('crop_to_aspect_ratio', false)
    ? cropToAspect(call, x, wanted)
    : config.boolean('pad_to_aspect_ratio', false)
      ? padToAspect(call, x, wanted)
      : x
  return resizeTo(graph, framed, [wanted.height, wanted.width], interpolation, layoutOf(call))
}

/** In the middle where the image is large enough, otherwise resized to what it holds of the shape. */
function centerCrop(call: LayerCall): Tensor {
  const { graph } = call
  const wanted = sizeOf(call)
  const x = one(call)
  const { height, width } = imageSize(call, x)
  if (height < wanted.height || width < wanted.width) {
    const { height: h, width: w } = wanted
    const cut = cropToAspect(call, oneFloat(call, 4), wanted)
    return resizeTo(graph, cut, [h, w], 'bilinear', layoutOf(call))
  }
  const top = Math.floor((height - wanted.height) / 2)
  const left = Math.floor((width - wanted.width) / 2)
  return window(call, x, { top, left, ...wanted })
}

/** Once trained, Keras 3 leaves the image alone; TensorFlow's Keras still gives it the size. */
function randomCrop(call: LayerCall): Tensor {
  if (call.kerasMajor >= 3) return one(call)
  const wanted = sizeOf(call)
  const cut = cropToAspect(call, oneFloat(call, 4), wanted)
  return resizeTo(call.graph, cut, [wanted.height, wanted.width], 'bilinear', layoutOf(call))
}

function imageSize(call: LayerCall, x: Tensor): Size {
  const first = firstAxis(call)
  const [height = null, width = null] = x.shape.slice(first, first + 2)
  if (height !== null && width !== null) return { height, width }
  throw call.config.unsupported('an image of open size cannot be cut to a shape')
}

function window(
  call: LayerCall,
  x: Tensor,
  { top, left, height, width }: Size & { top: number; left: number },
): Tensor {
  const first = firstAxis(call)
  return slice(call.graph, x, [
    { axis: first, start: top, stop: top + height },
    { axis: first + 1, start: left, stop: left + width },
  ])
}

/** The largest part in the middle that has the wanted shape, as keras.utils.smart_resize takes it. */
function cropToAspect(call: LayerCall, x: Tensor, wanted: Size): Tensor {
  const image = imageSize(call, x)
  const fit = aspect(image, wanted)
  const height = Math.min(image.height, fit.height)
  const width = Math.min(image.width, fit.width)
  const top = Math.trunc((image.height - height) / 2)
  const left = Math.trunc((image.width - width) / 2)
  return window(call, x, { top, left, height, width })
}

function padToAspect(call: LayerCall, x: Tensor, wanted: Size): Tensor {
  const image = imageSize(call, x)
  const fit = aspect(image, wanted)
  const amounts = [
    Math.max(0, fit.height - image.height),
    Math.max(0, fit.width - image.width),
  ].map((total): [number, number] => [Math.trunc(total / 2), total - Math.trunc(total / 2)])
  const first = firstAxis(call)
  const pads = x.shape.map((_, axis): [number, number] => amounts[axis - first] ?? [0, 0])
  call.config.oneOf('fill_mode', ['constant'], 'constant')
  return pad(call.graph, x, pads, { value: call.config.float('fill_value', 0) })
}

/** The height that would go with the image's width, and the width with its height. */
function aspect(image: Size, wanted: Size): Size {
  return {
    height: Math.trunc((image.width * wanted.height) / wanted.width),
    width: Math.trunc((image.height * wanted.width) / wanted.height),
  }
}
