// Compiles src/ to dist/ when dist/ is missing or older than its inputs.
//
// npm runs no lifecycle scripts here (.npmrc: ignore-scripts=true), so whoever needs dist/
// calls this first. Two builds at once are harmless: each writes a directory of its own, and the
// last one stays.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const stampFile = path.join(root, 'dist', '.stamp')

function inputsDigest() {
  const hash = createHash('sha256')
  const inputs = readdirSync(path.join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
  const configs = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
  for (const file of [...inputs, ...configs.map((name) => path.join(root, name))]) {
    hash.update(path.relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

/** Brings dist/ up to date with src/. Throws with the compiler's output when it does not compile. */
export function buildIfStale() {
  const digest = inputsDigest()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digest) return
  const staging = path.join(root, `dist.${process.pid}.tmp`)
  const tsc = path.join(
    path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin/tsc',
  )
  const result = spawnSync(
    process.execPath,
    [tsc, '-p', path.join(root, 'tsconfig.build.json'), '--outDir', staging],
    { encoding: 'utf8' },
  )
  if (result.status !== 0) {
    rmSync(staging, { recursive: true, force: true })
    throw new Error(`src/ does not compile:\n${result.stdout}${result.stderr}`)
  }
  writeFileSync(path.join(staging, '.stamp'), digest)
  replaceWith(staging)
}

/**
 * Puts what was built in the place of dist/. Another process may be doing the same.
 *
 * @param {string} staging
 */
function replaceWith(staging) {
  const dist = path.join(root, 'dist')
  const old = path.join(root, `dist.${process.pid}.old.tmp`)
  let isDone = false
  while (!isDone) {
    isRenamed(dist, old, ['ENOENT'])
    isDone = isRenamed(staging, dist, ['ENOTEMPTY', 'EEXIST'])
    rmSync(old, { recursive: true, force: true })
  }
}

/**
 * Throws but for the errors named.
 *
 * @param {string} from
 * @param {string} to
 * @param {string[]} codes
 */
function isRenamed(from, to, codes) {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && codes.includes(String(error.code)))
      return false
    throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildIfStale()
