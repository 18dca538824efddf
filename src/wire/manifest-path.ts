const SEGMENT_BYTES_MAX = 255
const PATH_CHARACTERS_MAX = 1024

/** Why a manifest may not name a file so; undefined when it may. */
export function filePathProblem(path: string): string | undefined {
  if (path.length === 0 || path.length > PATH_CHARACTERS_MAX) {
    return `expected a path of 1 to ${PATH_CHARACTERS_MAX} characters`
  }
  if (/[\p{Cc}\p{Cs}]/u.test(path)) {
    return 'expected a path without control characters or broken ones'
  }
  if (path.includes('\\')) return 'expected a path with / between its parts, not \\'
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'expected a relative path'
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') {
      return 'expected a path without empty, . or .. parts'
    }
    if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) {
      return `expected a path whose parts have at most ${SEGMENT_BYTES_MAX} bytes`
    }
  }
  if (path.toLowerCase() === 'manifest.json') return 'a manifest does not list itself'
  return undefined
}

/**
 * The first path that cannot lie beside the others: twice the same name (a file system may
 * ignore case and Unicode composition), or a file where another one needs a directory.
 */
export function collidingPath(paths: readonly string[]): string | undefined {
  const keys = new Set<string>()
  for (const path of paths) {
    const key = keyOf(path)
    if (keys.has(key)) return path
    keys.add(key)
  }
  return paths.find((path) => parentsOf(keyOf(path)).some((parent) => keys.has(parent)))
}

function keyOf(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

function parentsOf(path: string): string[] {
  const segments = path.split('/')
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'))
}
