/** What the controller asks of a raw-limit process: loop for `seconds`. */
export interface RawCommand {
  readonly kind: 'measure'
  readonly seconds: number
  /** Images in flight: 2 lets decoding overlap inference, as an engine does. */
  readonly inFlight: number
  /** `tensor`: nothing is decoded, each run gets the same pixels. */
  readonly input: 'photo' | 'tensor'
}

export type RawMessage = { readonly kind: 'ready' } | RawResult

export interface RawResult {
  readonly kind: 'result'
  readonly imagesPerSecond: number
  /** Time of each image, from its bytes to its class. */
  readonly latenciesMs: Float64Array
}
