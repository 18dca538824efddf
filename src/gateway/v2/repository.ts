import { setTimeout as sleep } from 'node:timers/promises'

import { clientGone, CutoverError } from '../../domain/errors.ts'
import type { VersionStatus } from '../../serving/manager.ts'
import type { GatewayContext } from '../context.ts'
import { reasonOf } from '../pick-served.ts'

const LOOK_INTERVAL_MS = 25
/** Each looks again and again. */
const LOADS_MAX = 64

let loads = 0

/** Every version the server knows, or only the ready ones, with its state. */
export function indexOf(context: GatewayContext, onlyReady: boolean) {
  const entries = [...context.models()].flatMap(([name, versions]) =>
    versions.map((status) => ({ name, version: String(status.version), ...stateOf(status) })),
  )
  return onlyReady ? entries.filter(({ state }) => state === 'READY') : entries
}

/**
 * Looks at the registry and resolves when the model infers and nothing more of it is being loaded.
 * It hurries the look and nothing else: what is loaded, and when what failed is tried again, is for
 * the registry and the rollout to say, so whoever may infer may ask for it. Throws
 * REQUEST_INVALID for any parameter, QUEUE_FULL, MODEL_NOT_FOUND, REGISTRY_UNAVAILABLE,
 * MODEL_NOT_READY with the reason, DEADLINE_EXCEEDED, or REQUEST_ABORTED once its client `isGone`.
 */
export async function loadModel(
  context: GatewayContext,
  name: string,
  parameters: object,
  isGone: () => boolean,
): Promise<void> {
  const [given] = Object.keys(parameters)
  if (given !== undefined) {
    throw new CutoverError(
      'REQUEST_INVALID',
      `load has no parameter ${given}: the files and the configuration of a model are those of ` +
        'the version that is published',
    )
  }
  if (loads >= LOADS_MAX) {
    throw new CutoverError('QUEUE_FULL', `${LOADS_MAX} requests wait for a model to be loaded`)
  }
  loads++
  try {
    await loaded(context, name, isGone)
  } finally {
    loads--
  }
}

async function loaded(context: GatewayContext, name: string, isGone: () => boolean): Promise<void> {
  const { settings, table, statusesOf, pending, source } = context
  const { requestTimeoutMs } = settings
  const deadline = performance.now() + requestTimeoutMs
  const late = new CutoverError(
    'DEADLINE_EXCEEDED',
    `${name}: not loaded in ${requestTimeoutMs} ms`,
  )
  await within(requestTimeoutMs, context.look(), late)
  const { unavailable } = source()
  if (unavailable !== undefined) throw new CutoverError('REGISTRY_UNAVAILABLE', unavailable)
  for (;;) {
    const versions = statusesOf(name).filter(({ entry }) => entry.aspired)
    const isComing =
      pending().some(({ model }) => model === name) ||
      versions.some(({ entry }) => entry.state.kind === 'loading')
    if (!isComing) {
      if (table().has(name)) return
      if (versions.length === 0) {
        throw new CutoverError('MODEL_NOT_FOUND', `the registry holds no version of ${name}`)
      }
      const reasons = versions.map(reasonOf)
      if (!reasons.includes(undefined))
        throw new CutoverError('MODEL_NOT_READY', reasons.join('; '))
    }
    if (performance.now() > deadline) throw late
    if (isGone()) throw clientGone()
    await sleep(LOOK_INTERVAL_MS)
  }
}

async function within(timeoutMs: number, work: Promise<void>, late: CutoverError): Promise<void> {
  const ended = new AbortController()
  const tooLate = async () => {
    await sleep(timeoutMs, undefined, { signal: ended.signal })
    throw late
  }
  try {
    await Promise.race([work, tooLate()])
  } finally {
    ended.abort()
  }
}

/**
 * A model that is there is not unloaded: the registry holds it, and removing it there is how it
 * goes. One that is not there is unloaded already. Throws MODEL_CONTROL_REFUSED.
 */
export function unloadModel({ statusesOf }: GatewayContext, name: string): void {
  if (statusesOf(name).length === 0) return
  throw new CutoverError(
    'MODEL_CONTROL_REFUSED',
    `${name} is served because the registry holds it, not because a request said so: ` +
      'remove it there',
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
