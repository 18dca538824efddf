import { readFileSync } from 'node:fs'

import type { ImageSettings } from '../../src/domain/manifest.ts'

/** A 640×480 JPEG of 69 KB. */
export const PHOTO: Buffer = readFileSync(new URL('../photo.jpg', import.meta.url))

/** What TensorFlow answers for the photo after IMAGE_SETTINGS: espresso. */
export const PHOTO_CLASS = 967

/** The Flask service's geometry, so that every part and every service does the same work. */
export const IMAGE_SETTINGS = {
  resize: 'tensorflow-bilinear',
  mean: [127, 127, 127],
  std: [128, 128, 128],
} as const satisfies ImageSettings
