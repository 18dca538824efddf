// npm run setup:tensorflow [-- --gpu] [-- --force]
//
// Sets up @tensorflow/tfjs-node (or -gpu) with a current TensorFlow. The package's own install
// script downloads TensorFlow 2.9 from a host that many networks do not reach; this takes
// libtensorflow out of the wheel on PyPI, builds the package's N-API addon against it, and keeps
// both in the user's cache, so that after the next `npm ci` the same command only lays links.
import { parseArgs } from 'node:util'

import { artifactFor } from './setup-tensorflow/artifacts.mjs'
import { buildAddon } from './setup-tensorflow/build-addon.mjs'
import { cacheDirFor, makeOnce } from './setup-tensorflow/cache.mjs'
import { install, isInstalled, locatePackage } from './setup-tensorflow/install.mjs'
import { fetchLibraries } from './setup-tensorflow/libraries.mjs'
import { SetupError, step } from './setup-tensorflow/report.mjs'

try {
  const { values } = parseArgs({
    options: { gpu: { type: 'boolean' }, force: { type: 'boolean' } },
  })
  const gpu = values.gpu === true
  const artifact = artifactFor(gpu)
  const packageDir = locatePackage(gpu)
  const cacheDir = cacheDirFor(artifact)
  if (values.force || !isInstalled(packageDir, cacheDir)) {
    await makeOnce(cacheDir, { force: values.force === true }, async (dir) => {
      await fetchLibraries(artifact, dir)
      await buildAddon(packageDir, dir)
    })
    install(packageDir, cacheDir)
    step(`TensorFlow ${artifact.version} is set up for ${artifact.npmPackage}`)
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`setup-tensorflow: ${error.message}\n`)
  process.exitCode = 1
}
