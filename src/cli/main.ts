import { createRequire } from 'node:module'

import { Command } from 'commander'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { serveCommand } from './commands/serve.ts'

/** A command that was used wrongly, as against one that failed. */
const EXIT_USAGE = 2

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

const program = new Command('cutover')
  .description('A model server for Node.js with deployment built in.')
  .version(version)
  .showHelpAfterError()
  .addCommand(serveCommand())

try {
  await program.parseAsync()
} catch (error) {
  const isOurs = error instanceof CutoverError
  process.stderr.write(`cutover: ${messageOf(error)}\n`)
  if (!isOurs && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exit(isOurs && error.code === 'CONFIG_INVALID' ? EXIT_USAGE : 1)
}
