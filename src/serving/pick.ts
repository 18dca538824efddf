import { CutoverError } from '../domain/errors.ts'
import type { ModelRoutes, Route, RouteTable, Share } from './route-table.ts'

const NAMES_SHOWN = 10

export interface RouteRequest {
  /** Absent: the default model. */
  readonly model?: string | undefined
  /** Absent: whatever takes the traffic. */
  readonly version?: number | undefined
  /** A name that moves from version to version: `stable`, `canary`. Not together with a version. */
  readonly label?: string | undefined
}

/**
 * The servable that answers a request; `draw` says whether it takes the canary's track, where one
 * has a share. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_NOT_FOUND,
 * MODEL_AMBIGUOUS or MODEL_NOT_READY, with a sentence that says what there is instead.
 */
export function pick(
  table: RouteTable,
  { model, version, label }: RouteRequest,
  defaultModel: string | undefined,
  draw: (canary: Share) => 'stable' | 'canary' = () => 'stable',
): Route {
  const name = model ?? defaultModel ?? onlyModel(table)
  const routes = table.get(name)
  if (routes === undefined) {
    throw new CutoverError('MODEL_NOT_FOUND', `there is no model ${name}; ${offer(table)}`)
  }
  const { canary, stable } = routes
  if (label !== undefined) return { ...labelled(name, routes, label), isDrawn: false }
  if (version === undefined) {
    return canary !== undefined && draw(canary) === 'canary'
      ? { servable: canary.servable, track: 'canary', isDrawn: true }
      : { servable: stable, track: 'stable', isDrawn: true }
  }
  const servable = routes.versions.get(version)
  if (servable === undefined) {
    const loaded = [...routes.versions.keys()].sort((a, b) => a - b).join(', ')
    throw new CutoverError(
      'VERSION_NOT_FOUND',
      `version ${version} of ${name} is not loaded; loaded: ${loaded}`,
    )
  }
  return { servable, track: servable === stable ? 'stable' : 'explicit', isDrawn: false }
}

function labelled(name: string, { stable, canary }: ModelRoutes, label: string) {
  if (label === 'stable') return { servable: stable, track: 'stable' } as const
  if (label === 'canary' && canary !== undefined) {
    return { servable: canary.servable, track: 'canary' } as const
  }
  throw new CutoverError('LABEL_NOT_FOUND', `no version of ${name} is labelled ${label} now`)
}

function onlyModel(table: RouteTable): string {
  const [name, second] = table.keys()
  if (name === undefined) {
    throw new CutoverError('MODEL_NOT_READY', 'no model is loaded yet; try again in a moment')
  }
  if (second !== undefined) {
    throw new CutoverError(
      'MODEL_AMBIGUOUS',
      `several models are served: use /models/NAME/predict, or start the server with ` +
        `--default-model NAME; ${offer(table)}`,
    )
  }
  return name
}

function offer(table: RouteTable): string {
  if (table.size === 0) return 'no model is loaded yet'
  const names = [...table.keys()].sort()
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : ''
  return `served: ${names.slice(0, NAMES_SHOWN).join(', ')}${more}`
}
