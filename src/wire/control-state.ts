import { z } from 'zod'

import { CutoverError, messageOf } from '../domain/errors.ts'

/** Below a model, where servers note the state of its rollouts. */
export const CONTROL_STATE_FILE = 'control/state.json'
export const CONTROL_STATE_BYTES_MAX = 1024 ** 2

const role = z
  .looseObject({ version: z.int().positive().nullish() }, 'expected an object with a version')
  .nullish()

const schema = z.looseObject({ stable: role, candidate: role }, 'expected an object')

export interface ControlState {
  readonly stable: number | undefined
  readonly candidate: number | undefined
}

/**
 * Which versions a rollout stands on, and no more than that: what else is there is its own
 * business. Throws CONFIG_INVALID when not even that can be understood.
 */
export function parseControlState(bytes: Uint8Array): ControlState {
  try {
    const { stable, candidate } = schema.parse(
      JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)),
    )
    return { stable: stable?.version ?? undefined, candidate: candidate?.version ?? undefined }
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined
    const reason =
      issue === undefined ? messageOf(error) : `${issue.path.join('.')} ${issue.message}`
    const sentence = `${CONTROL_STATE_FILE}: ${reason.trim()}`
    throw new CutoverError('CONFIG_INVALID', sentence, { cause: error })
  }
}
