import { createRequire } from 'node:module'

import { Command } from 'commander'

import { EXIT_FAILED, EXIT_USAGE, exitCodeOf } from './exit-code.ts'
import { systemCode } from '../lib/system-error.ts'
import { writeError } from './output.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

const program = new Command('cutover')
  .description('A model server for Node.js with deployment built in.')
  .version(version)
  .showHelpAfterError()
  // The program's --version is not that of `publish`.
  .enablePositionalOptions()

/** In the order in which help lists them. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  compile: async () => (await import('./commands/compile.ts')).compileCommand(),
  publish: async () => (await import('./commands/publish.ts')).publishCommand(),
  list: async () => (await import('./commands/list.ts')).listCommand(),
  show: async () => (await import('./commands/show.ts')).showCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  prune: async () => (await import('./commands/prune.ts')).pruneCommand(),
  manifest: async () => (await import('./commands/manifest.ts')).manifestCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
}

const [, , named = ''] = process.argv

// Whoever reads the output may go away, as head(1) does: a command ends then, and a server serves on.
process.stdout.on('error', (error) => {
  if (named === 'serve') return
  if (systemCode(error) !== 'EPIPE') writeError(error)
  process.exit(EXIT_FAILED)
})
process.stderr.on('error', () => {})

// One command does not wait until all others are loaded; help and mistakes need them all.
const wanted = Object.hasOwn(COMMANDS, named) ? COMMANDS[named] : undefined
if (wanted !== undefined) program.addCommand(await wanted())
else {
  for (const load of Object.values(COMMANDS)) program.addCommand(await load())
  const { rolloutCommands } = await import('./commands/rollout-commands.ts')
  for (const command of rolloutCommands()) program.addCommand(command)
}

for (const command of [program, ...program.commands]) {
  // commander has printed what it is about.
  command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
}

try {
  await program.parseAsync()
} catch (error) {
  writeError(error)
  process.exit(exitCodeOf(error))
}
