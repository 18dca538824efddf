import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { SetupError, step } from './report.mjs'
import { run } from './run.mjs'

const DOWNLOAD_TIMEOUT_MS = 20 * 60_000
const UNPACK_TIMEOUT_MS = 5 * 60_000

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
 * Fills `dir` with `tensorflow/` (libraries and headers) and `lib/` (links under the names the
 * addon is linked to). pip checks the wheel against its pinned digest.
 *
 * @param {import('./artifacts.mjs').Artifact} artifact
 * @param {string} dir
 */
export async function fetchLibraries({ wheel, version, platform, sha256, megabytes }, dir) {
  const download = path.join(dir, 'download')
  mkdirSync(download)
  const requirements = path.join(download, 'requirements.txt')
  writeFileSync(requirements, `${wheel}==${version} --hash=sha256:${sha256}\n`)
  step(`downloading ${wheel} ${version} for ${platform} (${megabytes} MB)`)
  const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:']
  const target = ['--implementation', 'cp', '--python-version', '311', '--platform', platform]
  await run(
    'python3',
    [...pip, ...target, '--require-hashes', '-r', requirements, '-d', download],
    {
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      missing: 'python3 with pip is needed to download TensorFlow (apt-get install python3-pip)',
    },
  )
  const file = readdirSync(download).find((name) => name.endsWith('.whl'))
  if (file === undefined) throw new SetupError('pip downloaded no wheel')
  step('unpacking')
  await run('python3', ['-c', UNPACK, path.join(download, file), dir], {
    timeoutMs: UNPACK_TIMEOUT_MS,
    missing: 'python3 is needed to unpack TensorFlow',
  })
  rmSync(download, { recursive: true })
  const lib = path.join(dir, 'lib')
  mkdirSync(lib)
  for (const [name, target] of [
    ['libtensorflow_cc.so.2', '../tensorflow/libtensorflow_cc.so.2'],
    ['libtensorflow_framework.so.2', '../tensorflow/libtensorflow_framework.so.2'],
    ['libtensorflow.so', 'libtensorflow_cc.so.2'],
    ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
  ]) {
    symlinkSync(/** @type {string} */ (target), path.join(lib, /** @type {string} */ (name)))
  }
}
