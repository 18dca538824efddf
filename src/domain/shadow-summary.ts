/** How the candidate's answers to copied requests differ from the stable version's. */
export interface ShadowSummary {
  readonly compared: number
  /** Both versions had the same best class. */
  readonly agreed: number
  /** Sum of the distances between scores, each 0 to 1. */
  readonly distance: number
  /** By the stable version's best class, the first `SHADOW_CLASSES_MAX` that came. */
  readonly classes: Readonly<Record<string, ShadowClass>>
}

export interface ShadowClass {
  readonly compared: number
  readonly disagreed: number
}
