import type { Request, Response } from 'express'
import { z } from 'zod'

import { CutoverError } from '../../../domain/errors.ts'
import type { VersionStatus } from '../../../serving/manager.ts'
import type { GatewayContext } from '../../context.ts'

/** `POST /v2/repository/index`: every version the server knows; `{"ready": true}`: the ready ones. */
export function repositoryIndex(
  context: GatewayContext,
  request: Request,
  response: Response,
): void {
  const onlyReady = wantsReady(request.body as unknown)
  const entries = [...context.models()].flatMap(([name, versions]) =>
    versions.map((status) => ({ name, version: String(status.version), ...stateOf(status) })),
  )
  response.json(onlyReady ? entries.filter(({ state }) => state === 'READY') : entries)
}

/**
 * `POST /v2/repository/models/{model}/load` and `…/unload`: 503. What is loaded is what the
 * registry holds; publishing and removing versions there is how it changes.
 */
export function modelControl(): never {
  throw new CutoverError(
    'MODEL_CONTROL_REFUSED',
    'what is loaded is what the registry holds, not what a request says: ' +
      'publish a version there, or remove it',
  )
}

type State = 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE'

function stateOf({ entry }: VersionStatus): { state: State; reason: string } {
  switch (entry.state.kind) {
    case 'ready':
      return { state: 'READY', reason: '' }
    case 'loading':
      return { state: 'LOADING', reason: '' }
    case 'draining':
      return { state: 'UNLOADING', reason: '' }
    case 'new':
      return { state: 'UNAVAILABLE', reason: entry.aspired ? 'not loaded' : 'unloaded' }
    case 'rejected':
    case 'retrying':
      return { state: 'UNAVAILABLE', reason: entry.state.reason }
  }
}

const INDEX_REQUEST = z.object({ ready: z.boolean().optional() })

function wantsReady(body: unknown): boolean {
  if (typeof body !== 'string' || body.trim() === '') return false
  try {
    return INDEX_REQUEST.parse(JSON.parse(body)).ready ?? false
  } catch (error) {
    throw new CutoverError(
      'REQUEST_INVALID',
      'the body must be empty or a JSON object whose `ready` is true or false',
      { cause: error },
    )
  }
}
