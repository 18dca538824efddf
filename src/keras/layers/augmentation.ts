import { one } from './inputs.ts'
import type { LayerKind, LayerKinds } from './layer-kind.ts'

const identity: LayerKind = { lower: (call) => one(call) }

/** What changes images at random while a model is trained, and leaves them alone afterwards. */
export const AUGMENTATION: LayerKinds = Object.fromEntries(
  [
    'AugMix',
    'CutMix',
    'MixUp',
    'RandAugment',
    'RandomBrightness',
    'RandomColorDegeneration',
    'RandomColorJitter',
    'RandomContrast',
    'RandomElasticTransform',
    'RandomErasing',
    'RandomFlip',
    'RandomGaussianBlur',
    'RandomGrayscale',
    'RandomHeight',
    'RandomHue',
    'RandomInvert',
    'RandomPerspective',
    'RandomPosterization',
    'RandomRotation',
    'RandomSaturation',
    'RandomSharpness',
    'RandomShear',
    'RandomTranslation',
    'RandomWidth',
    'RandomZoom',
  ].map((name) => [name, identity]),
)
