import { CutoverError } from '../../domain/errors.ts'
import type { RouteRequest } from '../../serving/pick.ts'
import type { GatewayContext } from '../context.ts'
import { pickServed } from '../pick-served.ts'

/** Throws MODEL_NOT_READY, saying why, unless requests are welcome. */
export function checkReady(context: GatewayContext): void {
  const reason = context.unready()
  if (reason !== undefined) throw new CutoverError('MODEL_NOT_READY', `not ready: ${reason}`)
}

/** Throws MODEL_NOT_READY or what `pickServed` throws unless the model can infer. */
export function checkModelReady(context: GatewayContext, wanted: RouteRequest): void {
  const { servable } = pickServed(context, wanted)
  if (servable.pool.enginesReady === 0) {
    throw new CutoverError('MODEL_NOT_READY', `no engine of ${servable.model} is up`)
  }
}
