import type { DeploymentEvent } from '../domain/events.ts'
import { describePulled } from './describe-pulled.ts'
import type { Logger } from './logger.ts'

/** Writes what happens to versions and engines for a person to read, one line each. */
export function logEvents(logger: Logger): (event: DeploymentEvent) => void {
  return (event) => {
    const { kind, model, version, ...details } = event
    const level = levelOf(event)
    logger[level]({ event: kind, model, version, ...details }, sentenceOf(event))
  }
}

function levelOf(event: DeploymentEvent): 'debug' | 'info' | 'warn' | 'error' {
  switch (event.kind) {
    case 'version.rejected':
    case 'request.poisonous':
      return 'error'
    case 'version.retrying':
    case 'engine.ended':
    case 'request.retried':
      return 'warn'
    case 'version.step':
    case 'engine.started':
      return 'debug'
    case 'version.found':
    case 'version.loading':
    case 'version.ready':
    case 'version.cancelled':
    case 'version.promoted':
    case 'version.draining':
    case 'version.unloaded':
      return 'info'
  }
}

/** One sentence for a person. */
export function sentenceOf(event: DeploymentEvent): string {
  const name = `${event.model} ${event.version}`
  switch (event.kind) {
    case 'version.found':
      return `${name} found`
    case 'version.loading':
      return `${name} loading`
    case 'version.step':
      if (event.pulled !== undefined) return `${name} pulling ${describePulled(event.pulled)}`
      return event.engine === undefined
        ? `${name} ${event.step}`
        : `${name} ${event.step} in engine ${event.engine.index + 1} of ${event.engine.count}`
    case 'version.ready': {
      const notice = event.notice === undefined ? '' : `; ${event.notice}`
      return `${name} ready after ${Math.round(event.tookMs)} ms${notice}`
    }
    case 'version.cancelled':
      return `${name} is not wanted any more`
    case 'version.rejected':
      return `${name} rejected: ${event.reason}`
    case 'version.retrying':
      return `${name} not loaded, trying again in ${Math.round(event.delayMs)} ms: ${event.reason}`
    case 'version.promoted':
      return event.from === undefined
        ? `${name} takes the traffic`
        : `${name} takes the traffic from ${event.from}`
    case 'version.draining':
      return `${name} finishes its requests`
    case 'version.unloaded':
      return event.leasesLeft === 0
        ? `${name} unloaded`
        : `${name} unloaded with ${event.leasesLeft} requests unfinished`
    case 'engine.started':
      return `${name} engine process ${event.pid} started`
    case 'engine.ended':
      return `${name} engine process ${event.pid} ended (${event.reason}); another starts in ${Math.round(event.restartMs)} ms`
    case 'request.retried':
      return `${name} runs a request again: its process ended`
    case 'request.poisonous':
      return `${name} gave up a request under which processes ended`
  }
}
