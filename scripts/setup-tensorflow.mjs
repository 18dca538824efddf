// npm run setup:tensorflow [-- --gpu] [-- --force] [-- --check]
//
// Sets up @tensorflow/tfjs-node (or -gpu) with a current TensorFlow. The package's own install
// script downloads TensorFlow 2.9 from a host that many networks do not reach; this takes
// libtensorflow out of the wheel on PyPI, builds the package's N-API addon against it, and keeps
// both in the user's cache, so that after the next `npm ci` the same command only lays links.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { artifactFor, requireGlibc } from './setup-tensorflow/artifacts.mjs'
import { buildAddon, requireCompiler } from './setup-tensorflow/build-addon.mjs'
import { ADDON, cacheDirFor, holding, inPlace } from './setup-tensorflow/cache.mjs'
import { checkLoads, install, isInstalled, locatePackage } from './setup-tensorflow/install.mjs'
import { fetchLibraries } from './setup-tensorflow/libraries.mjs'
import { SetupError, step } from './setup-tensorflow/report.mjs'

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interruption.abort())

try {
  await main(interruption.signal)
} catch (error) {
  process.exitCode = 1
  if (interruption.signal.aborted) step('interrupted; the same command goes on from here')
  else if (error instanceof SetupError || isUsageError(error)) step(error.message)
  else throw error
}

/** @param {AbortSignal} signal */
async function main(signal) {
  const { values } = parseArgs({
    options: {
      gpu: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  })
  const { gpu, force, check } = values
  const artifact = artifactFor({ gpu, platform: process.platform, arch: process.arch })
  const { npmPackage, version } = artifact
  const packageDir = locatePackage(npmPackage)
  const cacheDir = cacheDirFor(artifact, process.env)
  const installed = isInstalled(packageDir, cacheDir)
  if (check) {
    const command = `npm run setup:tensorflow${gpu ? ' -- --gpu' : ''}`
    if (!installed) throw new SetupError(`${npmPackage} is not set up: run ${command}`)
    await checkLoads(packageDir, signal)
    step(`TensorFlow ${version} is set up for ${npmPackage} and loads`)
    return
  }
  if (installed && !force) return
  const isNew = await prepare(artifact, { packageDir, cacheDir, force, signal })
  install(packageDir, cacheDir)
  if (isNew) await checkLoads(packageDir, signal)
  step(`TensorFlow ${version} is set up for ${npmPackage}`)
}

/**
 * Brings the cache to hold the libraries and then the addon, each as soon as it is whole: a build
 * that fails costs no second download. Resolves with whether there was anything to do.
 *
 * @param {import('./setup-tensorflow/artifacts.mjs').Artifact} artifact
 * @param {{ packageDir: string, cacheDir: string, force: boolean, signal: AbortSignal }} options
 */
function prepare(artifact, { packageDir, cacheDir, force, signal }) {
  return holding(`${cacheDir}.lock`, signal, async () => {
    const addon = path.join(cacheDir, ADDON)
    if (existsSync(addon) && !force) return false
    requireGlibc()
    // Asked before the download, which would be a long wait for this answer.
    await requireCompiler(signal)
    if (force || !existsSync(cacheDir)) {
      await inPlace(cacheDir, (staging) => fetchLibraries(artifact, staging, signal))
    }
    await inPlace(addon, (staging) => buildAddon({ packageDir, cacheDir, addon: staging, signal }))
    return true
  })
}

/**
 * @param {unknown} error
 * @returns {error is Error}
 */
function isUsageError(error) {
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}
