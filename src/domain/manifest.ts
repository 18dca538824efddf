export const MODEL_FORMATS = ['onnx', 'saved-model', 'tfjs-graph', 'tfjs-layers', 'keras'] as const
export type ModelFormat = (typeof MODEL_FORMATS)[number]

export const ENGINE_NAMES = ['onnx', 'tensorflow'] as const
export type EngineName = (typeof ENGINE_NAMES)[number]

export const RESIZE_METHODS = ['tensorflow-bilinear', 'pillow-bilinear', 'pillow-bicubic'] as const
export type ResizeMethod = (typeof RESIZE_METHODS)[number]

export const IMAGE_DTYPES = ['float32', 'float16', 'uint8', 'int8', 'int32'] as const
export type ImageDType = (typeof IMAGE_DTYPES)[number]

export type ColorOrder = 'rgb' | 'bgr' | 'gray'
export type ImageLayout = 'NHWC' | 'NCHW'
/** What becomes of transparency: the channel is dropped, or blended over a colour. */
export type AlphaHandling = 'drop' | 'white' | 'black'

/** How an image becomes an input tensor; whatever is absent follows from the model's signature. */
export interface ImageSettings {
  readonly input?: string | undefined
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** Centre square of this fraction of the short side, taken before the resize; absent: squash. */
  readonly crop?: number | undefined
  readonly resize?: ResizeMethod | undefined
  readonly color?: ColorOrder | undefined
  /** (value × scale − mean) / std per channel, on values 0…255. */
  readonly scale?: number | undefined
  readonly mean?: readonly number[] | undefined
  readonly std?: readonly number[] | undefined
  readonly layout?: ImageLayout | undefined
  readonly dtype?: ImageDType | undefined
  /** Turn the image upright by its EXIF orientation. TensorFlow and Pillow do not. */
  readonly orient?: boolean | undefined
  readonly alpha?: AlphaHandling | undefined
}

export interface ManifestFile {
  /** Relative, `/`-separated, no `.` or `..` segment. */
  readonly path: string
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

export interface Batching {
  /** Rows of the first dimension that one run may have at the most. */
  readonly sizeMax: number
}

/** What a publisher says of a version. Only `files` is required. */
export interface Manifest {
  readonly schema: 'cutover/manifest/v1'
  readonly model?: string | undefined
  readonly version?: number | undefined
  readonly format?: ModelFormat | undefined
  readonly files: readonly ManifestFile[]
  readonly image?: ImageSettings | undefined
  readonly output?:
    | { readonly name?: string | undefined; readonly activation?: 'none' | 'softmax' | undefined }
    | undefined
  /** Path of a JSON array of strings among the files. */
  readonly labels?: string | undefined
  readonly warmup?:
    | {
        readonly batches?: readonly number[] | undefined
        /** Shape of each input without its batch dimension, where the signature leaves it open. */
        readonly shapes?: Readonly<Record<string, readonly number[]>> | undefined
      }
    | undefined
  /** Requests that wait at the same time share a run; absent: each has its own. */
  readonly batching?: Batching | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** The engine that serves a format. */
export function engineOf(format: ModelFormat): EngineName {
  return format === 'onnx' || format === 'keras' ? 'onnx' : 'tensorflow'
}
