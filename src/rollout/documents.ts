import type { RolloutState } from '../domain/rollout.ts'
import { CutoverError, messageOf } from '../domain/errors.ts'
import { encodeRolloutState, parseRolloutState } from '../wire/rollout-state.ts'

/** Where a rollout's state is kept: one document per model, replaced by compare-and-set. */
export interface DocumentStore {
  read(
    model: string,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly tag: string } | undefined>
  /** Answers the new tag, or undefined when `before` is not the tag of what is there. */
  write(
    model: string,
    text: string,
    before: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined>
}

export interface StoredState {
  readonly state: RolloutState
  readonly tag: string
}

/** Throws REGISTRY_UNAVAILABLE, also for a document that is none: nothing is written over that. */
export async function readState(
  store: DocumentStore,
  model: string,
  signal: AbortSignal,
): Promise<StoredState | undefined> {
  const found = await store.read(model, signal)
  if (found === undefined) return undefined
  try {
    const state = parseRolloutState(Buffer.from(found.text), `the rollout state of ${model}`)
    if (state.model !== model) throw new Error(`it is that of ${state.model}`)
    return { state, tag: found.tag }
  } catch (error) {
    throw new CutoverError('REGISTRY_UNAVAILABLE', messageOf(error), { cause: error })
  }
}

export function writeState(
  store: DocumentStore,
  state: RolloutState,
  before: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  return store.write(
    state.model,
    Buffer.from(encodeRolloutState(state)).toString('utf8'),
    before,
    signal,
  )
}
