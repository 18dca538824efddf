/** Bounds of a request, whatever its encoding: more is refused while it is read. */
export const INPUTS_MAX = 1000
export const OUTPUTS_MAX = 1000
export const PARAMETERS_MAX = 100
export const RANK_MAX = 64
