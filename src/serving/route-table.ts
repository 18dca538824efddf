import type { Servable } from './servable.ts'

/** Why a version got a request: its part of the live traffic, or that the request named it. */
export type Track = 'stable' | 'canary' | 'explicit'

export interface ModelRoutes {
  /** Takes what names no version. */
  readonly stable: Servable
  /** Every version that is loaded, the stable one among them, by its number. */
  readonly versions: ReadonlyMap<number, Servable>
}

/**
 * Who answers for which model. A value: a swap makes a new table and replaces the reference, so
 * a request that has read the table sees one state from start to end.
 */
export type RouteTable = ReadonlyMap<string, ModelRoutes>

export interface Route {
  readonly servable: Servable
  readonly track: Track
}
