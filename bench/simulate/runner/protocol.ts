import type { RunResult } from '../run.ts'

/** A part of a scenario's runs. */
export interface Share {
  readonly file: string
  readonly seed: number
  readonly from: number
  readonly to: number
}

export interface ShareResults {
  readonly kind: 'results'
  readonly results: readonly RunResult[]
}
