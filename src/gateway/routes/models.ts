import type { Request, Response } from 'express'

import type { RolloutStatus } from '../../domain/rollout-status.ts'
import type { VersionStatus } from '../../serving/manager.ts'
import type { GatewayContext } from '../context.ts'

/** `GET /models`: every version the server knows, with the reason when it is not served. */
export function listModels(context: GatewayContext, _request: Request, response: Response): void {
  const rollouts = new Map(context.rollouts.list().map((status) => [status.model, status]))
  const models = [...context.models()].map(([name, versions]) => ({
    name,
    rollout: describeRollout(rollouts.get(name)),
    stable: versions.find(({ stable }) => stable)?.version ?? null,
    versions: versions.map(describe),
  }))
  const { location, lastSuccessAt, unavailable, problems } = context.source()
  const registry = {
    location,
    lastSuccessAt: lastSuccessAt ?? null,
    unavailable: unavailable ?? null,
    problems,
  }
  response.json({ models, pending: context.pending(), registry })
}

function describeRollout(status: RolloutStatus | undefined) {
  if (status === undefined) return null
  const { phase } = status.state
  return {
    phase: phase.kind,
    candidate: 'trial' in phase ? phase.trial.candidate.version : null,
    weight: 'weight' in phase ? phase.weight : null,
    problem: status.problem,
  }
}

function describe({ version, entry, stable }: VersionStatus) {
  const { state, since } = entry
  const common = { version, state: state.kind, since, inRegistry: entry.aspired }
  switch (state.kind) {
    case 'new':
    case 'draining':
      return common
    case 'loading':
      return { ...common, step: state.step, pulled: state.pulled }
    case 'rejected':
      return { ...common, code: state.code, reason: state.reason }
    case 'retrying':
      return { ...common, reason: state.reason }
    case 'ready': {
      const { local, pool } = state.servable
      const { info } = pool
      return {
        ...common,
        track: stable ? 'stable' : null,
        digest: local.digest,
        format: local.format,
        bytes: local.bytes,
        runtime: info?.runtime,
        device: pool.device,
        inputs: info?.signature.inputs,
        outputs: info?.signature.outputs,
        image: info === undefined || info.imageRefusal === undefined,
        engines: pool.enginesReady,
        annotations: local.manifest.annotations ?? {},
      }
    }
  }
}
