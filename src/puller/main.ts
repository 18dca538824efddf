/**
 * The process that pulls files for the server: a version of many gigabytes passes neither the
 * server's memory nor its event loop, and a process can give way to those that serve.
 */
import pLimit from 'p-limit'

import { deferred, type Deferred } from '../lib/deferred.ts'
import type { PullerCommand, PullerReply } from '../wire/puller-protocol.ts'
import { PullFailure } from './failure.ts'
import { type PullContext, pullFile, verifyFile } from './pull-file.ts'

const PROGRESS_MS = 100

const [connections = 0, stallTimeoutMs = 0] = process.argv.slice(2).map(Number)
const limit = pLimit(connections)
const renewals = new Map<number, Deferred<string>>()
/** Bytes that were not told of yet, by the file's id. */
const progress = new Map<number, number>()

function reply(message: PullerReply): void {
  process.send?.(message)
}

function tellProgress(): void {
  for (const [id, bytes] of progress) if (bytes !== 0) reply({ kind: 'progress', id, bytes })
  progress.clear()
}

function contextOf(id: number): PullContext {
  return {
    limit,
    stallTimeoutMs,
    onProgress: (bytes) => progress.set(id, (progress.get(id) ?? 0) + bytes),
    renew: () => {
      const waiting = renewals.get(id) ?? deferred<string>()
      // Many parts of a file are refused at once: one new URL serves them all.
      if (!renewals.has(id)) {
        renewals.set(id, waiting)
        reply({ kind: 'refused', id })
      }
      return waiting.promise
    },
  }
}

async function perform(command: PullerCommand): Promise<void> {
  const { id } = command
  try {
    if (command.kind === 'url') {
      renewals.get(id)?.resolve(command.url)
      renewals.delete(id)
      return
    }
    const context = contextOf(id)
    if (command.kind === 'pull') await pullFile(command, command, context)
    else await limit(() => verifyFile(command, context.onProgress))
    tellProgress()
    reply({ kind: 'done', id })
  } catch (error) {
    const cause = error instanceof PullFailure ? error.kind : 'world'
    reply({ kind: 'failed', id, cause, reason: error instanceof Error ? error.message : '' })
  }
}

process.on('message', (command: PullerCommand) => void perform(command))
// Without the server there is nothing to pull for.
process.on('disconnect', () => process.exit(0))
setInterval(tellProgress, PROGRESS_MS).unref()
