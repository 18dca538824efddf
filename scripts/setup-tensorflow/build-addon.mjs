import { createRequire } from 'node:module'
import path from 'node:path'

import { step } from './report.mjs'
import { run } from './run.mjs'

const BUILD_TIMEOUT_MS = 10 * 60_000
const ASK_TIMEOUT_MS = 30_000
const SOURCES = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc']

/** The addon finds its libraries from where it will lie in the package. */
const RPATH = '-Wl,-rpath,$ORIGIN/../../deps/lib'

const NEEDED = 'a C++ compiler is needed to build the addon (apt-get install g++, or set CXX)'

/**
 * Throws SetupError unless there is a compiler to call.
 *
 * @param {AbortSignal} signal
 */
export async function requireCompiler(signal) {
  await run(compiler(), ['--version'], {
    timeoutMs: ASK_TIMEOUT_MS,
    missing: NEEDED,
    failed: NEEDED,
    signal,
    output: 'errors',
  })
}

/**
 * Compiles the package's addon to the file `addon`. It speaks Node-API 8 alone, so one build
 * serves every version of Node, the headers come from npm, and one call of the compiler is all of
 * node-gyp that it needs.
 *
 * @param {{ packageDir: string, cacheDir: string, addon: string, signal: AbortSignal }} options
 *   `packageDir` is of @tensorflow/tfjs-node or -gpu, `cacheDir` is what `fetchLibraries` filled
 */
export async function buildAddon({ packageDir, cacheDir, addon, signal }) {
  const headers = /** @type {{ include_dir: string }} */ (
    createRequire(import.meta.url)('node-api-headers')
  )
  const includes = [
    headers.include_dir,
    path.join(cacheDir, 'tensorflow', 'include'),
    // The sources include their neighbours by the package's own name.
    path.dirname(packageDir),
  ]
  step('building the addon')
  await run(
    compiler(),
    ['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8'].concat(
      includes.map((include) => `-I${include}`),
      SOURCES.map((source) => path.join(packageDir, source)),
      [`-L${path.join(cacheDir, 'lib')}`, '-ltensorflow', '-ltensorflow_framework', RPATH],
      ['-o', addon],
    ),
    {
      timeoutMs: BUILD_TIMEOUT_MS,
      missing: NEEDED,
      failed: 'the addon was not built; the compiler says why above',
      signal,
      output: 'errors',
    },
  )
}

function compiler() {
  return process.env['CXX'] || 'c++'
}
