import type { Dirent } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../domain/errors.ts'
import { isModelName, parseVersion } from '../domain/version.ts'
import { isAbsent, unlessAbsent } from '../lib/system-error.ts'
import { POLICY_FILE } from '../wire/policy.ts'
import { modelFiles } from './detect-format.ts'
import type { Found, Layout } from './layout.ts'
import type { PolicyFile } from './policies.ts'
import type { RegistryProblem } from './source.ts'
import { isLasting, type VersionPlace } from './version-sight.ts'

/** Beside a model's versions, the directory in which servers note the state of rollouts. */
const CONTROL = 'control'

/** `<root>/<model>/<version>/…files…` */
export function registryLayout(root: string): Layout {
  return {
    root,
    modelDir: (model) => path.join(root, model),
    concerns: (file) => {
      const [model = '', below = ''] = file.split(path.sep)
      return isLasting(model) && below !== CONTROL
    },
    async find() {
      const places: VersionPlace[] = []
      const policies: PolicyFile[] = []
      const problems: RegistryProblem[] = []
      const unreadable: string[] = []
      for (const entry of await entriesOf(root)) {
        const dir = path.join(root, entry.name)
        const problem = entry.isFile() ? undefined : problemOfModel(entry)
        if (problem !== undefined) problems.push({ path: dir, reason: problem })
        if (problem !== undefined || !entry.isDirectory()) continue
        try {
          const found = await versionsOf(entry.name, dir)
          places.push(...found.places)
          policies.push(...found.policies)
          problems.push(...found.problems)
        } catch (error) {
          // A directory that went away meanwhile is none.
          if (isAbsent(error)) continue
          unreadable.push(entry.name)
          problems.push({ path: dir, reason: messageOf(error) })
        }
      }
      return { places, policies, problems, unreadable }
    },
  }
}

/** `<root>/<version>/…files…`, all of one model. */
export function modelLayout(root: string, model: string): Layout {
  return {
    root,
    modelDir: () => root,
    concerns: (file) => file.split(path.sep)[0] !== CONTROL,
    async find(): Promise<Found> {
      return { ...(await versionsOf(model, root)), unreadable: [] }
    },
  }
}

/** Whether a directory holds versions at its top. */
export async function holdsVersions(dir: string): Promise<boolean> {
  return (await entriesOf(dir)).some(
    (entry) => entry.isDirectory() && parseVersion(entry.name) !== undefined,
  )
}

async function versionsOf(
  model: string,
  dir: string,
): Promise<Required<Omit<Found, 'unreadable'>>> {
  const entries = await entriesOf(dir)
  const places: VersionPlace[] = []
  const problems: RegistryProblem[] = []
  for (const entry of entries.filter(({ name }) => isVersionLike(name))) {
    const version = parseVersion(entry.name)
    const full = path.join(dir, entry.name)
    if (entry.isSymbolicLink()) {
      problems.push({ path: full, reason: 'is a link, which is not followed: copy the version' })
    } else if (entry.isDirectory() && version !== undefined) {
      places.push({ model, version, dir: full, isNamed: true })
    } else if (entry.isDirectory()) {
      problems.push({
        path: full,
        reason: 'is not a version: name it by a positive whole number, such as 1',
      })
    }
  }
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  // A model.json beside versions is the model's policy.
  const stray = modelFiles(files.filter((name) => name !== POLICY_FILE))[0]
  if (places.length === 0 && stray !== undefined) {
    problems.push({
      path: path.join(dir, stray.path),
      reason: `is in no version: move it to ${path.join(dir, '1')}`,
    })
  }
  const policyEntry = entries.find(({ name }) => name === POLICY_FILE)
  const policies = places.length > 0 ? await policyIn(dir, model, policyEntry) : []
  return { places, policies, problems }
}

async function policyIn(
  dir: string,
  model: string,
  entry: Dirent | undefined,
): Promise<PolicyFile[]> {
  const file = path.join(dir, POLICY_FILE)
  if (entry?.isSymbolicLink() === true) {
    const read = () => Promise.reject(linked())
    return [{ model, path: file, state: 'a link', bytes: 0, read }]
  }
  if (entry?.isFile() !== true) return []
  const found = await unlessAbsent(lstat(file))
  if (found === undefined) return []
  const { mtimeMs, size, ino } = found
  const state = [mtimeMs, size, ino].join(' ')
  return [{ model, path: file, state, bytes: size, read: () => unlessAbsent(readFile(file)) }]
}

function linked(): CutoverError {
  return new CutoverError('CONFIG_INVALID', 'is a link, which is not followed: copy the file')
}

async function entriesOf(dir: string): Promise<Dirent[]> {
  const entries = await readdir(dir, { withFileTypes: true })
  return entries.filter(({ name }) => isLasting(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** `3`, and what somebody may have meant to be one: `003`, `v3`. */
function isVersionLike(name: string): boolean {
  return /^v?\d+$/i.test(name)
}

function problemOfModel(entry: Dirent): string | undefined {
  if (entry.isSymbolicLink()) return 'is a link, which is not followed: copy the model'
  if (!entry.isDirectory() || isModelName(entry.name)) return undefined
  return 'is not the name of a model: use letters, digits, dots, dashes and underscores'
}
