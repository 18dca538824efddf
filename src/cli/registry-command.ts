import { Command } from 'commander'

import { openStore } from '../registry/publish/open-store.ts'
import type { RegistryStore } from '../registry/publish/registry-store.ts'
import type { Settings } from '../wire/settings.ts'
import { interruptible } from './interruptible.ts'
import { resolveSettings } from './resolve-settings.ts'

export interface CommonOptions {
  readonly registry?: string
  readonly config?: string
  readonly json?: boolean
}

interface RegistryAccess {
  readonly settings: Settings
  readonly store: RegistryStore
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
}

/** A command on a registry, with the options that all of them have. */
export function registryCommand(name: string): Command {
  return new Command(name)
    .option(
      '--registry <s3://…|dir>',
      'a registry folder, or one in a bucket (CUTOVER_REGISTRY; ./models if absent)',
    )
    .option('--config <file>', 'JSON file of settings (CUTOVER_CONFIG)')
    .option('--json', 'write one JSON document, and nothing for people')
}

/** Opens the registry that the options name for as long as `action` runs. */
export async function withRegistry(
  options: CommonOptions,
  action: (access: RegistryAccess) => Promise<void>,
): Promise<void> {
  await interruptible(options, async (signal) => {
    const settings = resolveSettings({
      flags: { registry: options.registry },
      env: process.env,
      configFile: options.config,
    })
    const store = await openStore(settings)
    try {
      await action({ settings, store, signal })
    } finally {
      store.close()
    }
  })
}
