import { copyFileSync, existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

import { SetupError } from './report.mjs'

const PACKAGE_VERSION = '4.22.0'

/**
 * The directory of the installed package.
 *
 * @param {boolean} gpu
 */
export function locatePackage(gpu) {
  const name = gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node'
  try {
    return path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
  } catch {
    throw new SetupError(
      `${name} is not installed: npm install --no-save ${name}@${PACKAGE_VERSION}`,
    )
  }
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
    return existsSync(addon) && existsSync(cacheDir) && readlinkSync(libraries) === libOf(cacheDir)
  } catch {
    return false
  }
}

/**
 * Lays the build into the package: a copy of the addon and a link to the libraries.
 *
 * @param {string} packageDir
 * @param {string} cacheDir
 */
export function install(packageDir, cacheDir) {
  const { addon, libraries } = placesIn(packageDir)
  for (const place of [addon, libraries]) {
    rmSync(place, { recursive: true, force: true })
    mkdirSync(path.dirname(place), { recursive: true })
  }
  symlinkSync(libOf(cacheDir), libraries)
  copyFileSync(path.join(cacheDir, 'tfjs_binding.node'), addon)
}

/** @param {string} packageDir */
function placesIn(packageDir) {
  return {
    addon: path.join(packageDir, 'lib', 'napi-v8', 'tfjs_binding.node'),
    libraries: path.join(packageDir, 'deps', 'lib'),
  }
}

/** @param {string} cacheDir */
function libOf(cacheDir) {
  return path.join(cacheDir, 'lib')
}
