/** What the controller asks of the load process: one closed loop per connection. */
export type LoadCommand = LoadPlan | { readonly kind: 'stop' }

export interface LoadPlan {
  readonly kind: 'start'
  readonly host: string
  readonly port: number
  /** One whole HTTP/1.1 request, sent again and again. */
  readonly request: Uint8Array
  readonly connections: number
  /** Ends by itself after this long, or earlier by `stop`. */
  readonly seconds: number
  /** Any other answer is a failure. */
  readonly expected: Expected
}

/** What the right answer holds. */
export type Expected =
  | { readonly kind: 'class'; readonly index: number }
  | { readonly kind: 'body'; readonly bytes: Uint8Array }

export type LoadMessage = { readonly kind: 'ready' } | VersionSeen | LoadResult

/** The first answer by a version, in the moment it came. */
export interface VersionSeen {
  readonly kind: 'version'
  readonly version: string
  readonly atMs: number
}

export interface LoadResult {
  readonly kind: 'result'
  /** Of each answer or failure, by the wall clock; in the order in which they came. */
  readonly finishedAtMs: Float64Array
  readonly latenciesMs: Float64Array
  readonly failures: readonly Failure[]
  /** CPU time of the load process for each request. */
  readonly cpuMicrosecondsPerRequest: number
}

export interface Failure {
  readonly atMs: number
  readonly reason: string
}
