import type { Writable } from 'node:stream'

import yoctoSpinner from 'yocto-spinner'

import type { DeploymentEvent } from '../domain/events.ts'
import { describePulled } from './describe-pulled.ts'

export interface Progress {
  readonly observe: (event: DeploymentEvent) => void
  /** Where log lines are to be written, so that they and the progress line do not mix. */
  readonly logStream: { write(line: string): void }
}

/** A live line at the bottom of a terminal while versions load. */
export function terminalProgress(terminal: Writable): Progress {
  const spinner = yoctoSpinner({ stream: terminal, handleSignals: false })
  const loading = new Map<string, string>()
  const show = () => {
    if (loading.size === 0) {
      spinner.clear()
      spinner.stop()
      return
    }
    spinner.text = `loading ${[...loading].map(([name, step]) => `${name}: ${step}`).join(', ')}`
    if (!spinner.isSpinning) spinner.start()
  }
  return {
    observe(event) {
      const name = `${event.model} ${event.version}`
      switch (event.kind) {
        case 'version.loading':
          loading.set(name, 'starting')
          break
        case 'version.step':
          loading.set(name, stepOf(event))
          break
        case 'version.ready':
        case 'version.rejected':
        case 'version.retrying':
        case 'version.cancelled':
          loading.delete(name)
          break
        default:
          return
      }
      show()
    },
    logStream: {
      write(line) {
        if (spinner.isSpinning) spinner.clear()
        terminal.write(line)
      },
    },
  }
}

function stepOf(event: Extract<DeploymentEvent, { kind: 'version.step' }>): string {
  const { step, engine, pulled } = event
  if (pulled !== undefined) return `${step} ${describePulled(pulled)}`
  return engine === undefined ? step : `${step} engine ${engine.index + 1} of ${engine.count}`
}
