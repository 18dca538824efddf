import { setTimeout as sleep } from 'node:timers/promises'

import { Command } from 'commander'

import { CutoverError, messageOf } from '../../domain/errors.ts'
import type { RolloutReport } from '../../domain/rollout-status.ts'
import { AdminClient, type AdminOptions } from '../admin-client.ts'
import { adminOption } from '../admin-option.ts'
import { writeJson } from '../output.ts'
import { renderStatus } from '../render-status.ts'

const REDRAW_MS = 1_000
const CLEAR = '\u001B[H\u001B[J'
const HIDE_CURSOR = '\u001B[?25l'
const SHOW_CURSOR = '\u001B[?25h'

interface StatusOptions extends AdminOptions {
  readonly json?: boolean
  readonly watch?: boolean
}

/** `cutover status [MODEL]` */
export function statusCommand(): Command {
  return new Command('status')
    .description('show the rollouts of a running server')
    .argument('[model]', 'all models if none is named')
    .option('--watch', 'show them again every second, until Ctrl-C')
    .option('--json', 'write JSON')
    .addOption(adminOption())
    .action(async (model: string | undefined, options: StatusOptions) => {
      const client = new AdminClient(options)
      if (options.watch === true) await watch(client, model)
      else if (options.json === true) writeJson(await statuses(client, model))
      else process.stdout.write(textOf(await statuses(client, model)))
    })
}

async function statuses(client: AdminClient, model: string | undefined) {
  const all = await client.rollouts()
  const chosen = model === undefined ? all : all.filter((each) => each.model === model)
  if (model !== undefined && chosen.length === 0) {
    throw new CutoverError('MODEL_NOT_FOUND', `the server has no model ${model}`)
  }
  return chosen
}

function textOf(all: readonly RolloutReport[]): string {
  if (all.length === 0) return 'the server has no models\n'
  return all.map((status) => `${renderStatus(status).join('\n')}\n`).join('\n')
}

/** Draws in place on a terminal; elsewhere writes what changed. */
async function watch(client: AdminClient, model: string | undefined): Promise<void> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const { stdout } = process
  if (stdout.isTTY) stdout.write(HIDE_CURSOR)
  let before = ''
  try {
    while (!stop.signal.aborted) {
      // A server that restarts is waited for.
      const text = await statuses(client, model).then(textOf, (error) => `${messageOf(error)}\n`)
      if (stdout.isTTY) stdout.write(CLEAR + text)
      else if (text !== before) stdout.write(`${text}\n`)
      before = text
      await sleep(REDRAW_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  } finally {
    if (stdout.isTTY) stdout.write(SHOW_CURSOR)
  }
}
