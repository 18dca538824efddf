import { readFileSync } from 'node:fs'

import { z } from 'zod'

import { CutoverError, messageOf } from '../domain/errors.ts'
import {
  SECRETS,
  type SettingName,
  SETTINGS,
  type Settings,
  settingsSchema,
} from '../wire/settings.ts'

const ENV_PREFIX = 'CUTOVER_'
/**
 * Beside a service called cutover Kubernetes sets CUTOVER_PORT in every pod of the namespace, to
 * tcp://ADDRESS:PORT (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
 */
const SERVICE_LINK = /^(?:tcp|udp|sctp):\/\//

export interface SettingSources {
  /** By setting name, as the command line gave them. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: NodeJS.ProcessEnv
  readonly configFile: string | undefined
}

/** `bodyBytesMax` → `--body-bytes-max` */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `bodyBytesMax` → `CUTOVER_BODY_BYTES_MAX` */
export function environmentVariableOf(name: string): string {
  return ENV_PREFIX + name.replaceAll(/[A-Z]/g, '_$&').toUpperCase()
}

/**
 * The settings: a flag wins over the environment, that over the config file, that over the
 * default. What Kubernetes tells a pod of a service called cutover is none of them. Throws
 * CONFIG_INVALID with a sentence that names where the bad value came from.
 */
export function resolveSettings({ flags, env, configFile }: SettingSources): Settings {
  const given = new Map<string, { value: unknown; from: string }>()
  const file = configFile ?? env[`${ENV_PREFIX}CONFIG`]
  if (file !== undefined) {
    for (const [name, value] of Object.entries(readConfigFile(file))) {
      given.set(name, { value, from: `${name} in ${file}` })
    }
  }
  for (const name of Object.keys(SETTINGS)) {
    const variable = environmentVariableOf(name)
    const value = env[variable]
    const isServiceLink = variable.endsWith('_PORT') && SERVICE_LINK.test(value ?? '')
    if (value !== undefined && !isServiceLink) given.set(name, { value, from: variable })
    if (flags[name] !== undefined) given.set(name, { value: flags[name], from: flagOf(name) })
  }
  const values = Object.fromEntries([...given].map(([name, { value }]) => [name, value]))
  const parsed = settingsSchema.safeParse(values)
  if (parsed.success) return parsed.data
  throw new CutoverError(
    'CONFIG_INVALID',
    parsed.error.issues.map((issue) => sentenceOf(issue, given)).join('; '),
  )
}

function readConfigFile(file: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const why = error instanceof z.ZodError ? 'expected a JSON object' : messageOf(error)
    throw new CutoverError('CONFIG_INVALID', `the config file ${file}: ${why}`, { cause: error })
  }
}

function sentenceOf(
  issue: z.core.$ZodIssue,
  given: ReadonlyMap<string, { value: unknown; from: string }>,
): string {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(SETTINGS).join(', ')
    return `${issue.keys.join(', ')}: there is no such setting (there are: ${known})`
  }
  const name = String(issue.path[0]) as SettingName
  const source = given.get(name)
  const shown = SECRETS.has(name) ? '' : `, not ${JSON.stringify(source?.value)}`
  return `${source?.from ?? name}: ${issue.message}${shown}`
}
