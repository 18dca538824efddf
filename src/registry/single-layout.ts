import { lstat } from 'node:fs/promises'
import path from 'node:path'

import { isModelName, parseVersion } from '../domain/version.ts'
import { isAbsent } from '../lib/system-error.ts'
import type { Layout } from './layout.ts'
import { isLasting, type VersionPlace } from './version-sight.ts'

const FIRST_VERSION = 1
/** Names that say nothing of what the model is for. */
const GENERIC = /^(saved_)?model$/i

/** What a path, or a manifest, calls the model that lies there. */
export interface ModelIdentity {
  readonly model: string
  readonly version: number
}

/** One model file: `file` is where it really lies, and all else in its directory is ignored. */
export function fileLayout(file: string, identity: ModelIdentity): Layout {
  const root = path.dirname(file)
  const name = path.basename(file)
  // Where exporters put weights that are too large for the .onnx file itself.
  const names = new Set([name, `${name}.data`, `${name}_data`])
  const includes = (path: string) => names.has(path)
  const place = { ...identity, dir: root, isNamed: false, includes }
  return layoutOf(place, name, { depth: 0, concerns: includes })
}

/** A directory that is a version itself, with or without a manifest. */
export function directoryLayout(dir: string, identity: ModelIdentity): Layout {
  return layoutOf({ ...identity, dir, isNamed: false }, '', { concerns: isLasting })
}

/** `…/flowers.onnx` is flowers version 1, and `…/model.onnx` is called by its directory. */
export function identityOfFile(file: string): ModelIdentity {
  const { dir, name } = path.parse(file)
  return GENERIC.test(name) ? identityOfDir(dir) : identityOfDir(path.join(dir, name))
}

/** `…/flowers/` is flowers version 1, `…/flowers/3/` version 3, `…/flowers/saved_model/` the same. */
export function identityOfDir(dir: string): ModelIdentity {
  const parent = path.dirname(dir)
  const name = path.basename(dir)
  const version = parseVersion(name)
  if (version !== undefined) return { ...identityOfDir(parent), version }
  if (GENERIC.test(name) && parent !== dir) return identityOfDir(parent)
  return { model: sanitized(name), version: FIRST_VERSION }
}

function sanitized(name: string): string {
  const usable = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  return isModelName(usable.slice(0, 128)) ? usable.slice(0, 128) : 'model'
}

function layoutOf(
  place: VersionPlace,
  needs: string,
  { depth, concerns }: Pick<Layout, 'concerns' | 'depth'>,
): Layout {
  return {
    root: place.dir,
    ...(depth === undefined ? {} : { depth }),
    concerns,
    async find() {
      // The root must be readable: what cannot be looked at has not gone.
      await lstat(place.dir)
      const isThere = await exists(path.join(place.dir, needs))
      return { places: isThere ? [place] : [], problems: [], unreadable: [] }
    },
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}
