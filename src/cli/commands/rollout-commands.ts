import os from 'node:os'

import { Command, InvalidArgumentError } from 'commander'

import type { CommandKind } from '../../domain/rollout.ts'
import { parseVersion } from '../../domain/version.ts'
import { AdminClient, type AdminOptions } from '../admin-client.ts'
import { adminOption } from '../admin-option.ts'
import { writeJson } from '../output.ts'
import { renderStatus } from '../render-status.ts'

interface SteeringOptions extends AdminOptions {
  readonly who: string
  readonly reason: string
  readonly full?: boolean
  readonly json?: boolean
}

const DESCRIPTIONS: Readonly<Record<CommandKind, string>> = {
  promote: 'give the candidate its next share of the traffic now',
  pause: 'hold a rollout where it is',
  resume: 'go on with a paused rollout, accepting what paused it',
  abort: 'roll the candidate back and put it in quarantine',
  retry: 'let a version that is in quarantine be tried again',
  pin: 'serve this version and no other',
  unpin: 'let rollouts choose the version again',
}

/** The commands that steer a rollout of a running server, by its admin port. */
export function rolloutCommands(): Command[] {
  return (Object.keys(DESCRIPTIONS) as CommandKind[]).map((kind) => {
    const command = new Command(kind)
      .description(DESCRIPTIONS[kind])
      .argument('<model>')
      .option('--reason <text>', 'why, for whoever reads of it', '')
      .option('--who <name>', 'who, for whoever reads of it', whoAmI())
      .option('--json', 'write JSON')
      .addOption(adminOption())
    if (kind === 'pin') command.argument('<version>', 'its number', versionOf)
    if (kind === 'retry') command.argument('[version]', 'the last one if none is named', versionOf)
    if (kind === 'promote') command.option('--full', 'give it all traffic at once')
    return command.action(async (model: string, ...rest: unknown[]) => {
      const version = typeof rest[0] === 'number' ? rest[0] : undefined
      await steer(kind, model, version, command.opts<SteeringOptions>())
    })
  })
}

async function steer(
  kind: CommandKind,
  model: string,
  version: number | undefined,
  options: SteeringOptions,
): Promise<void> {
  const { who, reason, full } = options
  const command = { kind, who, reason, version, ...(kind === 'promote' ? { full } : {}) }
  const status = await new AdminClient(options).command(model, command)
  if (options.json === true) writeJson(status)
  else process.stdout.write(`${renderStatus(status).join('\n')}\n`)
}

function versionOf(text: string): number {
  const version = parseVersion(text)
  if (version === undefined) throw new InvalidArgumentError('expected the number of a version.')
  return version
}

function whoAmI(): string {
  try {
    return `${os.userInfo().username}@${os.hostname()}`
  } catch {
    // In a container the user may have no name.
    return os.hostname()
  }
}
