import { CutoverError } from '../../domain/errors.ts'
import type { VersionStatus } from '../../serving/manager.ts'
import type { GatewayContext } from '../context.ts'

/** Every version the server knows, or only the ready ones, with its state. */
export function indexOf(context: GatewayContext, onlyReady: boolean) {
  const entries = [...context.models()].flatMap(([name, versions]) =>
    versions.map((status) => ({ name, version: String(status.version), ...stateOf(status) })),
  )
  return onlyReady ? entries.filter(({ state }) => state === 'READY') : entries
}

/**
 * A request to load or unload a model is refused. What is loaded is what the registry holds;
 * publishing and removing versions there is how it changes.
 */
export function refuseControl(): never {
  throw new CutoverError(
    'MODEL_CONTROL_REFUSED',
    'what is loaded is what the registry holds, not what a request says: ' +
      'publish a version there, or remove it',
  )
}

type State = 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE'

function stateOf({ entry }: VersionStatus): { state: State; reason: string } {
  switch (entry.state.kind) {
    case 'ready':
      return { state: 'READY', reason: '' }
    case 'loading':
      return { state: 'LOADING', reason: '' }
    case 'draining':
      return { state: 'UNLOADING', reason: '' }
    case 'new':
      return { state: 'UNAVAILABLE', reason: entry.aspired ? 'not loaded' : 'unloaded' }
    case 'rejected':
    case 'retrying':
      return { state: 'UNAVAILABLE', reason: entry.state.reason }
  }
}
