/** What the controller asks of the process that feeds engines itself. */
export interface DirectCommand {
  readonly kind: 'measure'
  readonly seconds: number
  readonly inFlight: number
}

export type DirectMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly perSecond: number }
