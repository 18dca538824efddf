import type { Request, Response } from 'express'

import { CutoverError } from '../../domain/errors.ts'
import { parseRolloutCommand } from '../../wire/rollout-command.ts'
import type { GatewayContext } from '../context.ts'

/** `GET /rollouts`: every model's rollout, with its evidence. */
export function listRollouts(
  { rollouts }: GatewayContext,
  _request: Request,
  response: Response,
): void {
  response.json({ rollouts: rollouts.list() })
}

/** `GET /rollouts/:model` */
export function showRollout(
  { rollouts }: GatewayContext,
  { params }: Request,
  response: Response,
): void {
  const { model } = params
  const status = rollouts.list().find((each) => each.model === model)
  if (status === undefined) {
    throw new CutoverError('MODEL_NOT_FOUND', `there is no model ${JSON.stringify(model)}`)
  }
  response.json(status)
}

/** `POST /rollouts/:model/commands`: answers the rollout as the command left it. */
export async function commandRollout(
  { rollouts }: GatewayContext,
  { params, body }: Request,
  response: Response,
): Promise<void> {
  const command = parseRolloutCommand(String(body))
  response.json(await rollouts.command(String(params['model']), command))
}
