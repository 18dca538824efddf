import type { Servable } from './servable.ts'

/** Why a version got a request: its part of the live traffic, or that the request named it. */
export type Track = 'stable' | 'canary' | 'explicit'

export interface ModelRoutes {
  /** Takes what names no version, but for what the canary takes. */
  readonly stable: Servable
  readonly canary: Share | undefined
  /** Gets copies of requests. */
  readonly shadow: Share | undefined
  /** Every version that is loaded, the stable one among them, by its number. */
  readonly versions: ReadonlyMap<number, Servable>
}

/** The header or cookie whose value keeps a user on one version. */
export type Stickiness = { readonly header: string } | { readonly cookie: string }

/** A part of a model's traffic. */
export interface Share {
  readonly servable: Servable
  /** In per cent. */
  readonly weight: number
  /** Identifies the try to promote this version. */
  readonly trial: string
  readonly stickiness: Stickiness | undefined
}

/**
 * Who answers for which model. A value: a swap makes a new table and replaces the reference, so
 * a request that has read the table sees one state from start to end.
 */
export type RouteTable = ReadonlyMap<string, ModelRoutes>

export interface Route {
  readonly servable: Servable
  readonly track: Track
  /** By chance or by its user's key, and not because the request named it. */
  readonly isDrawn: boolean
}
