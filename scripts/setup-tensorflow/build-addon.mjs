import { createRequire } from 'node:module'
import path from 'node:path'

import { step } from './report.mjs'
import { run } from './run.mjs'

const BUILD_TIMEOUT_MS = 10 * 60_000
const SOURCES = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc']

/** The addon finds its libraries from where it will lie in the package. */
const RPATH = '-Wl,-rpath,$ORIGIN/../../deps/lib'

/**
 * Compiles the package's addon to `dir`/tfjs_binding.node. It speaks Node-API 8 alone, so one
 * build serves every version of Node, the headers come from npm, and one call of the compiler is
 * all of node-gyp that it needs.
 *
 * @param {string} packageDir of @tensorflow/tfjs-node or -gpu
 * @param {string} dir what `fetchLibraries` filled
 */
export async function buildAddon(packageDir, dir) {
  const headers = /** @type {{ include_dir: string }} */ (
    createRequire(import.meta.url)('node-api-headers')
  )
  const includes = [
    headers.include_dir,
    path.join(dir, 'tensorflow', 'include'),
    // The sources include their neighbours by the package's own name.
    path.dirname(packageDir),
  ]
  step('building the addon')
  await run(
    process.env['CXX'] || 'c++',
    ['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8'].concat(
      includes.map((include) => `-I${include}`),
      SOURCES.map((source) => path.join(packageDir, source)),
      [`-L${path.join(dir, 'lib')}`, '-ltensorflow', '-ltensorflow_framework', RPATH],
      ['-o', path.join(dir, 'tfjs_binding.node')],
    ),
    {
      timeoutMs: BUILD_TIMEOUT_MS,
      missing: 'a C++ compiler is needed to build the addon (apt-get install g++)',
    },
  )
}
