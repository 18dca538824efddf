import { CutoverError } from '../domain/errors.ts'
import type { VersionStatus } from '../serving/manager.ts'
import { pick, type RouteRequest } from '../serving/pick.ts'
import type { Route, Share } from '../serving/route-table.ts'
import type { GatewayContext } from './context.ts'

/**
 * Answers what `pick` answers. Throws what `pick` throws, but MODEL_NOT_READY with the reason where
 * the registry holds what is wanted, and it is being loaded or could not be.
 */
export function pickServed(
  context: GatewayContext,
  wanted: RouteRequest,
  defaultModel?: string,
  draw?: (canary: Share) => 'stable' | 'canary',
): Route {
  try {
    return pick(context.table(), wanted, defaultModel, draw)
  } catch (error) {
    const name = wanted.model ?? defaultModel ?? onlyModel(context)
    const reason = name === undefined ? undefined : whyNotServed(context, name, wanted.version)
    if (reason === undefined) throw error
    throw new CutoverError('MODEL_NOT_READY', `${name} is not served: ${reason}`, { cause: error })
  }
}

/** Why a version is not served and should be; undefined: it is, or it waits for its turn. */
export function reasonOf({ version, entry: { state } }: VersionStatus): string | undefined {
  switch (state.kind) {
    case 'loading':
      return `version ${version} is loading`
    case 'rejected':
    case 'retrying':
      return `version ${version}: ${state.reason}`
    case 'new':
    case 'ready':
    case 'draining':
      return undefined
  }
}

function onlyModel({ models }: GatewayContext): string | undefined {
  const [name, second] = models().keys()
  return second === undefined ? name : undefined
}

function whyNotServed(
  { table, statusesOf, pending }: GatewayContext,
  model: string,
  version: number | undefined,
): string | undefined {
  if (version === undefined && table().has(model)) return undefined
  const isWanted = (each: { readonly version: number }) =>
    version === undefined || each.version === version
  const reasons = [
    ...statusesOf(model).filter(isWanted).map(reasonOf),
    ...pending()
      .filter((each) => each.model === model && isWanted(each))
      .map((each) => `version ${each.version}: ${each.reason}`),
  ].filter((reason) => reason !== undefined)
  return reasons.length === 0 ? undefined : reasons.join('; ')
}
