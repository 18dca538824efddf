import type { ModelPolicy } from '../wire/model-policy.ts'
import type { AspiredVersion, RegistryProblem } from './source.ts'

type Models = ReadonlyMap<string, readonly AspiredVersion[]>

/**
 * Of each pinned model, the pinned version alone. Where the registry does not hold it, nothing of
 * the model is aspired to: what is served stays, and nothing that was not asked for is loaded.
 */
export function applyPins(
  models: Models,
  policies: ReadonlyMap<string, ModelPolicy>,
  pathOf: (model: string) => string,
): { models: Models; problems: RegistryProblem[] } {
  const problems: RegistryProblem[] = []
  const pinned = new Map(models)
  for (const [model, { pin }] of policies) {
    const versions = models.get(model)
    if (pin === undefined || versions === undefined) continue
    const wanted = versions.filter(({ version }) => version === pin)
    pinned.set(model, wanted)
    if (wanted.length > 0) continue
    const reason = `pins version ${pin}, which the registry does not hold: nothing is loaded`
    problems.push({ path: pathOf(model), reason })
  }
  return { models: pinned, problems }
}
