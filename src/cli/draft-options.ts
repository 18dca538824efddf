import type { Command } from 'commander'

import { CutoverError } from '../domain/errors.ts'
import { isModelName, parseVersion } from '../domain/version.ts'

/** Notes that end up in a manifest. */
export function addAnnotations(command: Command): Command {
  const description = 'a note such as git=4f2a91c; may be repeated'
  const collect = (pair: string, before: readonly string[]) => [...before, pair]
  return command.option('--annotate <key=value>', description, collect, [])
}

/** Throws CONFIG_INVALID. */
export function annotationsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
      if (key !== undefined && value !== undefined) return [key, value]
      const sentence = `--annotate ${JSON.stringify(pair)}: expected KEY=VALUE`
      throw new CutoverError('CONFIG_INVALID', sentence)
    }),
  )
}

/** Throws CONFIG_INVALID. */
export function modelNamed(name: string): string {
  if (isModelName(name)) return name
  const sentence = `${JSON.stringify(name)} is not the name of a model: use letters, digits, dots, dashes and underscores`
  throw new CutoverError('CONFIG_INVALID', sentence)
}

/** Throws CONFIG_INVALID. */
export function versionNumbered(digits: string): number {
  const version = parseVersion(digits)
  if (version !== undefined) return version
  const sentence = `${JSON.stringify(digits)} is not a version: expected a positive whole number`
  throw new CutoverError('CONFIG_INVALID', sentence)
}
