import type { ErrorCode } from './errors.ts'

/** What happens to versions and their engines: goes to the log, the metrics and, later, out. */
export type DeploymentEvent = { readonly model: string; readonly version: number } & (
  | { readonly kind: 'version.found' }
  | { readonly kind: 'version.loading' }
  | {
      readonly kind: 'version.step'
      readonly step: 'verifying' | 'pulling' | 'opening' | 'warming'
      /** Of a version that is pulled from afar. */
      readonly pulled?: { readonly bytesDone: number; readonly bytesTotal: number } | undefined
      /** Which of the engines takes the step. */
      readonly engine?: { readonly index: number; readonly count: number } | undefined
    }
  | { readonly kind: 'version.cancelled' }
  | {
      readonly kind: 'version.ready'
      readonly tookMs: number
      readonly notice?: string | undefined
    }
  | { readonly kind: 'version.rejected'; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: 'version.retrying'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'version.promoted'; readonly from: number | undefined }
  | { readonly kind: 'version.draining' }
  | { readonly kind: 'version.unloaded'; readonly leasesLeft: number }
  | { readonly kind: 'engine.started'; readonly pid: number }
  | {
      readonly kind: 'engine.ended'
      readonly pid: number
      readonly cause: 'closed' | 'crashed' | 'timeout' | 'memory'
      readonly reason: string
      readonly restartMs: number
    }
  | { readonly kind: 'request.retried' }
  | { readonly kind: 'request.poisonous' }
)

export type DeploymentObserver = (event: DeploymentEvent) => void
