import { CutoverError, messageOf } from '../../domain/errors.ts'
import { parsePolicy, POLICY_BYTES_MAX, POLICY_FILE } from '../../wire/policy.ts'
import { parseRolloutState } from '../../wire/rollout-state.ts'
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
  try {
    const policy = await store.read(`${model}/${POLICY_FILE}`, POLICY_BYTES_MAX, signal)
    const control = await store.readControl(model, signal)
    const roles = new Map<number, Role[]>()
    const add = (version: number | null | undefined, role: Role) => {
      if (version === null || version === undefined) return
      roles.set(version, [...(roles.get(version) ?? []), role])
    }
    if (policy !== undefined) add(parsePolicy(policy).pin, 'pinned')
    if (control !== undefined) {
      const { stable, pin, phase } = parseRolloutState(Buffer.from(control), 'control/')
      add(pin, 'pinned')
      add(stable?.version, 'stable')
      add('trial' in phase ? phase.trial.candidate.version : undefined, 'candidate')
    }
    return roles
  } catch (error) {
    signal.throwIfAborted()
    const sentence = `what is in use of ${model} is not known: ${messageOf(error)}`
    throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
  }
}
