import { Command, Option } from 'commander'
import { z } from 'zod'

import { CutoverError } from '../../domain/errors.ts'
import { SETTINGS } from '../../wire/settings.ts'
import { flagOf, resolveSettings } from '../resolve-settings.ts'

/** `cutover serve [PATH]`: every setting is a flag. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('serve a registry folder, one model, or one model file')
    .argument('[path]', 'the same as --registry')
    .option('--config <file>', 'JSON file of settings (also CUTOVER_CONFIG)')
    .addHelpText(
      'after',
      '\nEach flag is also an environment variable, --body-bytes-max is CUTOVER_BODY_BYTES_MAX,\n' +
        'and a key of the config file, bodyBytesMax. A flag wins over a variable, that over the file.',
    )
  for (const [name, schema] of Object.entries(SETTINGS)) command.addOption(optionOf(name, schema))
  return command.action(async (path: string | undefined, options: Record<string, unknown>) => {
    const { config, ...flags } = options
    if (path !== undefined && flags['registry'] !== undefined) {
      throw new CutoverError('CONFIG_INVALID', 'give [path] or --registry, not both')
    }
    if (path !== undefined) flags['registry'] = path
    const settings = resolveSettings({
      flags,
      env: process.env,
      configFile: typeof config === 'string' ? config : undefined,
    })
    // What only a server needs is loaded by a server only.
    const { serve } = await import('../../main.ts')
    await serve(settings)
  })
}

function optionOf(name: string, schema: z.ZodType): Option {
  const fallback = schema.safeParse(undefined).data
  const isFlag = typeof fallback === 'boolean'
  const shown = fallback === undefined || isFlag ? '' : ` (default: ${JSON.stringify(fallback)})`
  const choices = schema instanceof z.ZodDefault && schema.unwrap() instanceof z.ZodEnum
  const value = choices ? `<${enumOf(schema).join('|')}>` : `<${placeholderOf(name, fallback)}>`
  const flags = isFlag ? flagOf(name) : `${flagOf(name)} ${value}`
  const option = new Option(flags, `${schema.description}${shown}`)
  // The environment is read by resolveSettings, which names the variable in its errors.
  option.attributeName = () => name
  return option
}

function enumOf(schema: z.ZodDefault): string[] {
  const inner = schema.unwrap()
  return inner instanceof z.ZodEnum ? inner.options.map(String) : []
}

function placeholderOf(name: string, fallback: unknown): string {
  if (name.endsWith('Ms')) return 'ms'
  if (name.includes('Bytes')) return 'bytes'
  return typeof fallback === 'number' ? 'n' : 'value'
}
