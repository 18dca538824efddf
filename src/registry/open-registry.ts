import type { Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'

import { CutoverError, messageOf } from '../domain/errors.ts'
import type { Manifest } from '../domain/manifest.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import { isAbsent } from '../lib/system-error.ts'
import { MANIFEST_FILE } from '../wire/manifest.ts'
import type { Settings } from '../wire/settings.ts'
import { openCacheDir } from './cache-dir.ts'
import { modelFiles, tfjsFormatOf } from './detect-format.ts'
import { FolderSource } from './folder-source.ts'
import type { Layout } from './layout.ts'
import { readModelJson } from './model-json.ts'
import { isS3Url, parseS3Url } from './s3/location.ts'
import { holdsVersions, modelLayout, registryLayout } from './registry-layout.ts'
import { directoryLayout, fileLayout, identityOfDir, identityOfFile } from './single-layout.ts'
import { FallbackStore } from './control/fallback-store.ts'
import { ControlFolder } from './control/control-folder.ts'
import type { DocumentStore } from './control/document-store.ts'
import { MemoryStore } from './control/memory-store.ts'
import type { RegistryProblem, Source } from './source.ts'
import { lookAt } from './version-sight.ts'

export interface SourceObserver {
  readonly onProblem: (problem: RegistryProblem) => void
  /** A registry that could not be read can be read again. */
  readonly onRecovered: (location: string) => void
}

/** A registry that is open: what is in it, and where the state of its rollouts is kept. */
export interface OpenRegistry {
  readonly source: Source
  readonly store: DocumentStore
  /** Of what this server saw last of that state, on its own disk. */
  readonly mirror: DocumentStore
}

/**
 * Opens what `cutover serve` was given: a bucket, a registry folder, a directory with one model's
 * versions, a directory that is a model, or a model file. `policy` is that of models that state
 * none. Throws CONFIG_INVALID for anything else.
 */
export async function openRegistry(
  settings: Settings,
  policy: RolloutPolicy,
  observer: SourceObserver,
): Promise<OpenRegistry> {
  if (isS3Url(settings.registry)) {
    const location = parseS3Url(settings.registry)
    // Who serves a folder has no use for the SDK: 20 MB, and 0.2 s to load.
    const { openS3Registry } = await import('./s3/open-s3-registry.ts')
    const cache = await openCacheDir(settings.cacheDir)
    return openS3Registry(location, cache, settings, policy, observer)
  }
  const layout = await layoutFor(settings.registry)
  const source = new FolderSource({
    layout,
    cache: await openCacheDir(settings.cacheDir),
    bytesMax: settings.versionBytesMax,
    settleMs: settings.settleMs,
    polling: settings.watchPolling,
    policy,
    onProblem: observer.onProblem,
  })
  const { root, modelDir } = layout
  const mirror = new MemoryStore()
  if (modelDir === undefined) return { source, store: new MemoryStore(), mirror }
  const store = new FallbackStore(new ControlFolder(modelDir), readOnlyProblem(root, observer))
  return { source, store, mirror }
}

/** Tells that the state of rollouts ends with this process. */
export function readOnlyProblem(
  location: string,
  { onProblem }: SourceObserver,
): (reason: string) => void {
  return (reason) =>
    onProblem({
      path: location,
      reason: `the state of rollouts cannot be kept there and ends with this process: ${reason}`,
    })
}

async function layoutFor(given: string): Promise<Layout> {
  const target = path.resolve(given)
  const stats = await statsOf(given, target)
  if (stats.isDirectory()) return layoutOfDir(target)
  const name = path.basename(target)
  const isModel = modelFiles([name]).length > 0 || name === MANIFEST_FILE
  if (!stats.isFile() || !isModel) {
    throw new CutoverError(
      'CONFIG_INVALID',
      `${given} is no model: expected a registry folder, a model's directory, or a .onnx, .keras or .h5 file`,
    )
  }
  return (await isPartOfVersion(target))
    ? versionLayout(path.dirname(target))
    : fileLayout(await realpath(target), identityOfFile(target))
}

/** Some models fill their directory, and a manifest says how its files are to be served. */
async function isPartOfVersion(file: string): Promise<boolean> {
  const { dir, base } = path.parse(file)
  if (['saved_model.pb', 'model.json', MANIFEST_FILE].includes(base)) return true
  const manifest = await manifestIn(dir)
  return manifest?.files.some((entry) => entry.path === base) ?? false
}

async function layoutOfDir(dir: string): Promise<Layout> {
  if (await holdsVersions(dir)) return modelLayout(dir, await modelIn(dir))
  return (await isVersion(dir)) ? versionLayout(dir) : registryLayout(dir)
}

/** What the newest manifest calls the model: a directory may be called anything where it is mounted. */
async function modelIn(dir: string): Promise<string> {
  const { model } = identityOfDir(dir)
  const { places } = await modelLayout(dir, model).find()
  for (const place of [...places].sort((a, b) => b.version - a.version)) {
    const stated = (await manifestIn(place.dir))?.model
    if (stated !== undefined) return stated
  }
  return model
}

async function versionLayout(dir: string): Promise<Layout> {
  const identity = identityOfDir(dir)
  const { model = identity.model, version = identity.version } = (await manifestIn(dir)) ?? {}
  return directoryLayout(dir, { model, version })
}

async function manifestIn(dir: string): Promise<Manifest | undefined> {
  const includes = (file: string) => file === MANIFEST_FILE
  const place = { ...identityOfDir(dir), dir, isNamed: false, includes }
  const sight = await lookAt(place)
  return sight?.manifest.kind === 'present' ? sight.manifest.manifest : undefined
}

async function isVersion(dir: string): Promise<boolean> {
  const names = await readdir(dir)
  if (names.includes(MANIFEST_FILE)) return true
  const kinds = new Set(modelFiles(names).map(({ kind }) => kind))
  // A model's policy is called model.json, too.
  const isPolicy = kinds.size === 1 && kinds.has('tfjs') && !(await isTfjs(dir))
  return kinds.size > 0 && !isPolicy
}

async function isTfjs(dir: string): Promise<boolean> {
  const json = await readModelJson(path.join(dir, 'model.json')).catch(() => undefined)
  return tfjsFormatOf(json) !== undefined
}

async function statsOf(given: string, target: string): Promise<Stats> {
  try {
    return await stat(target)
  } catch (error) {
    const reason = isAbsent(error) ? `there is no ${given}` : messageOf(error)
    throw new CutoverError('CONFIG_INVALID', `${reason}: name what to serve, or make a folder`, {
      cause: error,
    })
  }
}
