import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

import { ADDON } from './cache.mjs'
import { SetupError } from './report.mjs'
import { run } from './run.mjs'

const PACKAGE_VERSION = '4.22.0'
const LOAD_TIMEOUT_MS = 2 * 60_000

/**
 * The directory of the installed package. Throws SetupError when there is none, or another
 * version than the one this was made for.
 *
 * @param {string} name
 */
export function locatePackage(name) {
  const command = `npm install --no-save ${name}@${PACKAGE_VERSION}`
  let file
  try {
    file = createRequire(import.meta.url).resolve(`${name}/package.json`)
  } catch {
    throw new SetupError(`${name} is not installed: run ${command}`)
  }
  const { version } = JSON.parse(readFileSync(file, 'utf8'))
  if (version !== PACKAGE_VERSION) {
    throw new SetupError(`${name} is version ${version}, which this does not know: run ${command}`)
  }
  return path.dirname(file)
}

/**
 * Whether the package uses this build already.
 *
 * @param {string} packageDir
 * @param {string} cacheDir
 */
export function isInstalled(packageDir, cacheDir) {
  const { addon, libraries } = placesIn(packageDir)
  try {
    return (
      existsSync(addon) &&
      existsSync(path.join(cacheDir, ADDON)) &&
      readlinkSync(libraries) === libOf(cacheDir)
    )
  } catch {
    return false
  }
}

/**
 * Lays the build into the package: a link to the libraries and a copy of the addon, which looks
 * for them from where it lies.
 *
 * @param {string} packageDir
 * @param {string} cacheDir
 */
export function install(packageDir, cacheDir) {
  const { addon, libraries } = placesIn(packageDir)
  replace(libraries, (place) => symlinkSync(libOf(cacheDir), place))
  replace(addon, (place) => copyFileSync(path.join(cacheDir, ADDON), place))
}

/**
 * Throws SetupError unless the addon and its libraries load, in a process of their own.
 *
 * @param {string} packageDir
 * @param {AbortSignal} signal
 */
export async function checkLoads(packageDir, signal) {
  const failed = 'TensorFlow is set up but does not load here; the reason is above'
  await run(process.execPath, ['-e', 'require(process.argv[1])', placesIn(packageDir).addon], {
    timeoutMs: LOAD_TIMEOUT_MS,
    missing: failed,
    failed,
    signal,
    // TensorFlow greets on standard error.
    output: 'on-failure',
  })
}

/**
 * Two runs at once both succeed, and whoever looks sees the old thing or the new one.
 *
 * @param {string} place
 * @param {(fresh: string) => void} make
 */
function replace(place, make) {
  const fresh = `${place}.${process.pid}`
  mkdirSync(path.dirname(place), { recursive: true })
  rmSync(fresh, { force: true })
  make(fresh)
  // The package's own install script makes a directory, which a rename does not replace.
  if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true) {
    rmSync(place, { recursive: true, force: true })
  }
  renameSync(fresh, place)
}

/** @param {string} packageDir */
function placesIn(packageDir) {
  return {
    addon: path.join(packageDir, 'lib', 'napi-v8', ADDON),
    libraries: path.join(packageDir, 'deps', 'lib'),
  }
}

/** @param {string} cacheDir */
function libOf(cacheDir) {
  return path.join(cacheDir, 'lib')
}
