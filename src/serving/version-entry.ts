import { CutoverError, type ErrorCode } from '../domain/errors.ts'
import type { AspiredVersion } from '../registry/source.ts'
import type { Servable } from './servable.ts'
import { TRANSITIONS, type VersionStateKind, type VersionView } from './version-policy.ts'

export type LoadingStep = 'verifying' | 'pulling' | 'opening' | 'warming'

export interface Pulled {
  readonly bytesDone: number
  readonly bytesTotal: number
}

export type VersionState =
  | { readonly kind: 'new' }
  | {
      readonly kind: 'loading'
      readonly step: LoadingStep
      readonly pulled?: Pulled | undefined
      readonly cancel: AbortController
    }
  | { readonly kind: 'ready'; readonly servable: Servable }
  | { readonly kind: 'draining'; readonly servable: Servable }
  | { readonly kind: 'rejected'; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: 'retrying'; readonly reason: string; readonly timer: NodeJS.Timeout }

/** One version as the manager knows it. Its state changes only along TRANSITIONS. */
export class VersionEntry {
  readonly key: string
  readonly source: AspiredVersion
  aspired = true
  /** Loads that failed for a reason that may pass. */
  failures = 0
  /** Those of them in which a process ended by itself. */
  crashes = 0
  /** Of its manifest; undefined until it has been read once. */
  digest: string | undefined
  #state: VersionState = { kind: 'new' }
  #since = new Date()

  constructor(source: AspiredVersion) {
    this.source = source
    this.key = keyOf(source)
  }

  get state(): VersionState {
    return this.#state
  }

  get since(): Date {
    return this.#since
  }

  view(refused: boolean): VersionView {
    const { key, aspired } = this
    return { key, version: this.source.version, aspired, refused, state: this.#state.kind }
  }

  become(next: VersionState): void {
    const allowed: readonly VersionStateKind[] = TRANSITIONS[this.#state.kind]
    if (!allowed.includes(next.kind)) {
      throw new CutoverError(
        'INTERNAL',
        `${this.key} went from ${this.#state.kind} to ${next.kind}`,
      )
    }
    this.#state = next
    this.#since = new Date()
  }

  /** Progress within `loading` is no change of state. */
  step(step: LoadingStep, pulled?: Pulled): void {
    if (this.#state.kind === 'loading') this.#state = { ...this.#state, step, pulled }
  }
}

/** A version whose bytes changed in place is another one, to be tried anew. */
export function keyOf({ version, fingerprint }: AspiredVersion): string {
  return `${version}@${fingerprint}`
}
