import { describe, expect, it } from 'vitest'

import { planImage } from '../../src/domain/image-plan.ts'
import type { ImageSettings } from '../../src/domain/manifest.ts'
import type { Dimension, TensorSpec } from '../../src/domain/signature.ts'
import type { DType } from '../../src/domain/tensor.ts'

type Shape = readonly Dimension[] | null

function plan(shape: Shape, settings?: ImageSettings, dtype: DType = 'float32') {
  return planImage(settings, { inputs: [{ name: 'x', dtype, shape }], outputs: [] })
}

describe('without settings', () => {
  it('is what the Flask service did', () => {
    expect(plan(['batch', 224, 200, 3])).toEqual({
      kind: 'plan',
      input: 'x',
      dtype: 'float32',
      shape: [1, 224, 200, 3],
      batched: true,
      layout: 'NHWC',
      width: 200,
      height: 224,
      channels: 3,
      color: 'rgb',
      crop: undefined,
      resize: 'tensorflow-bilinear',
      scale: 1,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      orient: false,
      alpha: 'drop',
    })
  })

  it.each<[Shape, object]>([
    [[null, 3, 20, 30], { layout: 'NCHW', width: 30, height: 20, shape: [1, 3, 20, 30] }],
    [['n', 1, 28, 28], { layout: 'NCHW', color: 'gray', channels: 1, shape: [1, 1, 28, 28] }],
    [[1, 28, 28, 1], { layout: 'NHWC', color: 'gray', channels: 1, mean: [0], std: [1] }],
    [[28, 30, 3], { batched: false, width: 30, height: 28, shape: [28, 30, 3] }],
    [[3, 28, 30], { batched: false, layout: 'NCHW', shape: [3, 28, 30] }],
    // Three pixels high and three channels deep: the last dimension is asked first.
    [[1, 3, 224, 3], { layout: 'NHWC', height: 3, width: 224 }],
    [[1, 20, 30, 'c'], { layout: 'NHWC', color: 'rgb', shape: [1, 20, 30, 3] }],
    [[1, null, 20, 30], { layout: 'NCHW', color: 'rgb', shape: [1, 3, 20, 30] }],
  ])('reads %j', (shape, expected) => {
    expect(plan(shape)).toMatchObject({ kind: 'plan', ...expected })
  })

  it.each(['float32', 'float16', 'uint8', 'int8', 'int32'] as const)('takes %s', (dtype) => {
    expect(plan([1, 8, 8, 3], {}, dtype)).toMatchObject({ kind: 'plan', dtype })
  })
})

describe('settings', () => {
  it('fill in what the signature leaves open', () => {
    const settings: ImageSettings = {
      input: 'x',
      width: 64,
      height: 48,
      crop: 0.875,
      resize: 'pillow-bicubic',
      color: 'bgr',
      scale: 2,
      mean: [127],
      std: [1, 2, 3],
      layout: 'NCHW',
      dtype: 'float32',
      orient: true,
      alpha: 'white',
    }
    expect(plan([null, null, 'h', 'w'], settings)).toEqual({
      ...settings,
      kind: 'plan',
      shape: [1, 3, 48, 64],
      batched: true,
      channels: 3,
      mean: [127, 127, 127],
    })
  })

  it('make one channel where its number is open', () => {
    const planned = plan([null, null, null, null], { width: 8, height: 6, color: 'gray' })
    expect(planned).toMatchObject({ channels: 1, shape: [1, 6, 8, 1], mean: [0] })
  })

  it('are enough for an input of unknown rank', () => {
    const planned = plan(null, { width: 8, height: 6 })
    expect(planned).toMatchObject({ kind: 'plan', batched: true, shape: [1, 6, 8, 3] })
  })

  it('win over the layout that the shape suggests', () => {
    expect(plan([1, 3, 3, 3], { layout: 'NCHW' })).toMatchObject({ layout: 'NCHW' })
    expect(plan([1, 3, 224, 3], { layout: 'NCHW' })).toMatchObject({ height: 224, width: 3 })
  })
})

describe('refused, with a sentence that says why', () => {
  it.each<[Shape, ImageSettings | undefined, RegExp]>([
    [[1, 'h', 'w', 3], undefined, /any size: set image.width and image.height in manifest.json/],
    [[1, 'h', 'w', 3], { width: 20 }, /set image.width and image.height/],
    [[1, 'h', 'w', 3], { width: 20, height: 0.5 }, /image.height is 0.5.*not a number of pixels/],
    [[1, 20, 30, 3], { width: 31 }, /image.width is 31 in manifest.json, but.* a width of 30/],
    [[1, 20, 30, 3], { height: 19 }, /image.height is 19 in manifest.json, but.*height of 20/],
    [[1, 0, 30, 3], {}, /has no height/],
    [[1, 20, 30, 4], {}, /no dimension of 1 or 3 channels|has 4 channels/],
    [[1, 20, 30, 3], { layout: 'NCHW' }, /read as NCHW has 20 channels.*set image.layout/],
    [[1, 20, 30, 3], { color: 'gray' }, /image.color is gray in manifest.json.*3 channels/],
    [[1, 20, 30, 1], { color: 'rgb' }, /image.color is rgb in manifest.json.*1 channel$/],
    [[1, 20, 30, 3], { dtype: 'uint8' }, /image.dtype is uint8 in manifest.json.*is float32/],
    [[1, 20, 30, 3], { input: 'y' }, /image.input is y .*the model takes x: float32/],
    [[1, 20, 30, 3], { crop: 0 }, /image.crop is 0/],
    [[1, 20, 30, 3], { crop: 1.1 }, /image.crop is 1.1/],
    [[1, 20, 30, 3], { std: [1, 0, 1] }, /image.std has a 0/],
    [[1, 20, 30, 3], { mean: [1, 2] }, /image.mean has 2 values .* for 3 channels/],
    [[1, 20, 30, 1], { std: [1, 1, 1] }, /image.std has 3 values .* for 1 channel$/],
    [[1, 20, 30, 3], { mean: [] }, /image.mean has 0 values/],
    [[8, 20, 30, 3], {}, /takes 8 images at a time/],
    [[null, 16], {}, /has 2 dimensions, not those of images/],
    [[], {}, /has 0 dimensions/],
    [[1, 'h', 'w', 3], { width: 1e6, height: 1e6 }, /more than an input may hold/],
  ])('%j %j', (shape, settings, reason) => {
    expect(plan(shape, settings)).toEqual({
      kind: 'refused',
      reason: expect.stringMatching(reason) as string,
    })
  })

  it.each(['float64', 'int64', 'string', 'bool'] as const)('%s', (dtype) => {
    expect(plan([1, 8, 8, 3], {}, dtype)).toEqual({
      kind: 'refused',
      reason: expect.stringContaining(`is ${dtype}; images become float32`) as string,
    })
  })

  it('several inputs, which are named', () => {
    const inputs: TensorSpec[] = [
      { name: 'picture', dtype: 'float32', shape: [1, 8, 8, 3] },
      { name: 'mask', dtype: 'bool', shape: ['n'] },
    ]
    const refusal = {
      kind: 'refused',
      reason: expect.stringMatching(/picture: float32\[1, 8, 8, 3\]; mask: bool\[n\]/) as string,
    }
    expect(planImage(undefined, { inputs, outputs: [] })).toEqual(refusal)
    expect(planImage({ input: 'picture' }, { inputs, outputs: [] })).toEqual(refusal)
  })

  it('no inputs', () => {
    expect(planImage(undefined, { inputs: [], outputs: [] })).toMatchObject({ kind: 'refused' })
  })
})
