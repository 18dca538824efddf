/** Where the time of an answered request went, in milliseconds. */
export interface Stages {
  readonly queueMs: number
  readonly preprocessMs: number
  /** Of the model's whole run, whoever shared it. */
  readonly inferenceMs: number
  /** How many requests shared that run; 1 but for models with `batching`. */
  readonly sharedBy: number
}
