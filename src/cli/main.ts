import { createRequire } from 'node:module'

import { Command } from 'commander'

import { EXIT_USAGE, exitCodeOf } from './exit-code.ts'
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

// One command does not wait until all others are loaded; help and mistakes need them all.
const [, , named = ''] = process.argv
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
