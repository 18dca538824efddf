import { createRequire } from 'node:module'

import { Command } from 'commander'

import { compileCommand } from './commands/compile.ts'
import { listCommand } from './commands/list.ts'
import { manifestCommand } from './commands/manifest.ts'
import { pruneCommand } from './commands/prune.ts'
import { showCommand } from './commands/show.ts'
import { verifyCommand } from './commands/verify.ts'
import { publishCommand } from './commands/publish.ts'
import { rolloutCommands } from './commands/rollout-commands.ts'
import { serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import { EXIT_USAGE, exitCodeOf } from './exit-code.ts'
import { writeError } from './output.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

const program = new Command('cutover')
  .description('A model server for Node.js with deployment built in.')
  .version(version)
  .showHelpAfterError()
  // The program's --version is not that of `publish`.
  .enablePositionalOptions()
  .addCommand(serveCommand())
  .addCommand(compileCommand())
  .addCommand(publishCommand())
  .addCommand(listCommand())
  .addCommand(showCommand())
  .addCommand(verifyCommand())
  .addCommand(pruneCommand())
  .addCommand(manifestCommand())
  .addCommand(statusCommand())

for (const command of rolloutCommands()) program.addCommand(command)

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
