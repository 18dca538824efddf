/** A decoded image: 8 bits per channel, row-major, channels interleaved, no padding. */
export interface Pixels {
  /** `width × height × channels` values; RGB or gray. A plain Uint8Array: loops stay monomorphic. */
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

/** A rectangle inside an image, in pixels. */
export interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}
