import { CutoverError, messageOf } from '../../domain/errors.ts'
import {
  CONTROL_STATE_BYTES_MAX,
  CONTROL_STATE_FILE,
  parseControlState,
} from '../../wire/control-state.ts'
import { parseModelPolicy, POLICY_BYTES_MAX, POLICY_FILE } from '../../wire/model-policy.ts'
import type { RegistryStore } from './registry-store.ts'

export type Role = 'pinned' | 'stable' | 'candidate'

/** What holds a version in its place. */
export type Roles = ReadonlyMap<number, readonly Role[]>

/**
 * The versions of a model that its policy and its rollout name. Throws REGISTRY_UNAVAILABLE when
 * either cannot be read or understood.
 */
export async function rolesIn(
  store: RegistryStore,
  model: string,
  signal: AbortSignal,
): Promise<Roles> {
  const read = async <T>(file: string, bytesMax: number, parse: (bytes: Buffer) => T) => {
    const bytes = await store.read(`${model}/${file}`, bytesMax, signal)
    return bytes === undefined ? undefined : parse(bytes)
  }
  try {
    const policy = await read(POLICY_FILE, POLICY_BYTES_MAX, parseModelPolicy)
    const state = await read(CONTROL_STATE_FILE, CONTROL_STATE_BYTES_MAX, parseControlState)
    const roles = new Map<number, Role[]>()
    const add = (version: number | undefined, role: Role) => {
      if (version !== undefined) roles.set(version, [...(roles.get(version) ?? []), role])
    }
    add(policy?.pin, 'pinned')
    add(state?.stable, 'stable')
    add(state?.candidate, 'candidate')
    return roles
  } catch (error) {
    signal.throwIfAborted()
    const sentence = `what is in use of ${model} is not known: ${messageOf(error)}`
    throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
  }
}
