import { createHash } from 'node:crypto'

import { isModelName, parseVersion } from '../../domain/version.ts'
import { MANIFEST_FILE } from '../../wire/manifest.ts'
import { POLICY_FILE } from '../../wire/policy.ts'
import type { PendingVersion, RegistryProblem } from '../source.ts'
import { isLasting } from '../version-sight.ts'
import type { Listing } from './listing.ts'
import type { ListedObject } from './listing-page.ts'
import type { S3Location } from './location.ts'

/** Somebody may point a server at a bucket that holds other things, too. */
const PROBLEMS_MAX = 100

/** The objects of a version by their path in it. */
export type ListedObjects = ReadonlyMap<string, ListedObject>

/** What a bucket holds below the number of a version. */
export interface ListedFiles {
  readonly model: string
  readonly version: number
  readonly files: ListedObjects
}

/** A version whose manifest is there. */
export interface ListedVersion extends ListedFiles {
  readonly manifest: ListedObject
}

/** A bucket as a registry. */
export interface Catalogue {
  readonly versions: readonly ListedVersion[]
  /** Each model's model.json. */
  readonly policies: ReadonlyMap<string, ListedObject>
  /** What has no manifest: an upload, or what is left of one or of a version. */
  readonly unfinished: readonly ListedFiles[]
  /** What a server says of them. */
  readonly pending: readonly PendingVersion[]
  readonly problems: readonly RegistryProblem[]
}

interface Growing extends ListedFiles {
  readonly files: Map<string, ListedObject>
}

/** Reads `<model>/<version>/…` out of a listing; what has no manifest does not exist yet. */
export function catalogueOf({ pages }: Listing, { prefix, url }: S3Location): Catalogue {
  const growing = new Map<string, Growing>()
  const policies = new Map<string, ListedObject>()
  const problems = new Map<string, string>()
  for (const object of pages.flatMap(({ objects }) => objects)) {
    const [model = '', below = '', ...rest] = object.key.slice(prefix.length).split('/')
    const path = rest.join('/')
    // Some tools make a directory by an empty object whose key ends in a slash.
    if (object.key.endsWith('/') || below === '' || !isLasting(model) || !isLasting(below)) continue
    const version = parseVersion(below)
    if (path === '' && below === POLICY_FILE && isModelName(model)) policies.set(model, object)
    else if (path !== '' && version !== undefined && isModelName(model)) {
      const key = `${model}/${version}`
      const known = growing.get(key)
      if (known !== undefined) known.files.set(path, object)
      else growing.set(key, { model, version, files: new Map([[path, object]]) })
    } else if (path !== '' && problems.size < PROBLEMS_MAX) {
      const problem = problemOf(model, below, path)
      if (problem !== undefined) problems.set(`${url}/${model}/${below}`, problem)
    }
  }
  const versions: ListedVersion[] = []
  const unfinished: ListedFiles[] = []
  for (const found of growing.values()) {
    const manifest = found.files.get(MANIFEST_FILE)
    if (manifest !== undefined) versions.push({ ...found, manifest })
    else unfinished.push(found)
  }
  versions.sort((a, b) => a.version - b.version)
  return {
    versions,
    policies,
    unfinished,
    pending: unfinished.map(({ model, version }) => ({
      model,
      version,
      reason: `waiting for ${MANIFEST_FILE}`,
    })),
    problems: [...problems].map(([path, reason]) => ({ path, reason })),
  }
}

/** Changes when any object of the version does. */
export function signatureOf(files: ListedObjects): string {
  const hash = createHash('sha1')
  for (const { key, etag, bytes } of files.values()) hash.update(`${key}\0${etag}\0${bytes}\n`)
  return hash.digest('hex')
}

function problemOf(model: string, below: string, path: string): string | undefined {
  if (!isModelName(model)) {
    return 'is not the name of a model: use letters, digits, dots, dashes and underscores'
  }
  if (/^v?\d+$/i.test(below) || path.endsWith(MANIFEST_FILE)) {
    return 'is not a version: expected MODEL/VERSION/manifest.json with a positive whole number'
  }
  return undefined
}
