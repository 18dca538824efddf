import { CutoverError } from '../../domain/errors.ts'
import type { Settings } from '../../wire/settings.ts'

interface SettingsRequest {
  /** What is to be changed. */
  readonly settings: Readonly<Record<string, unknown>>
}

const VERBOSE = { trace: 2, debug: 1 } as const
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/** There are no traces. Throws when a setting is to be changed. */
export function traceSettings({ settings }: SettingsRequest): object {
  checkUnchanged(settings)
  return { settings: { trace_level: { value: ['OFF'] } } }
}

/** What is logged. Throws when a setting is to be changed. */
export function logSettings({ settings }: SettingsRequest, logLevel: Settings['logLevel']): object {
  checkUnchanged(settings)
  const logs = (level: Settings['logLevel']) => LEVELS.indexOf(level) >= LEVELS.indexOf(logLevel)
  const verbose = logLevel === 'trace' || logLevel === 'debug' ? VERBOSE[logLevel] : 0
  return {
    settings: {
      log_error: { bool_param: logs('error') },
      log_warning: { bool_param: logs('warn') },
      log_info: { bool_param: logs('info') },
      log_verbose_level: { uint32_param: verbose },
    },
  }
}

function checkUnchanged(settings: SettingsRequest['settings']): void {
  const [first] = Object.keys(settings)
  if (first === undefined) return
  throw new CutoverError(
    'ROUTE_NOT_FOUND',
    `${first} cannot be set by a call: settings are given when the server is started`,
  )
}
