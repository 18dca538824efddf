import type { HotRoute } from './route.ts'

/** Clients ask the same few paths again and again. */
const REMEMBERED_MAX = 1000
const REMEMBERED_LENGTH_MAX = 200

export interface HotPath {
  readonly route: HotRoute
  readonly params: Readonly<Record<string, string>>
}

/** Finds the hot route of a path, and remembers what it found. */
export class HotPaths {
  readonly #routes: readonly HotRoute[]
  readonly #known = new Map<string, HotPath>()

  constructor(routes: readonly HotRoute[]) {
    this.#routes = routes
  }

  /** Undefined: it is none of them. */
  match(path: string): HotPath | undefined {
    const known = this.#known.get(path)
    if (known !== undefined) return known
    for (const route of this.#routes) {
      const match = route.path.exec(path)
      if (match === null) continue
      const found = { route, params: paramsOf(match) }
      if (path.length <= REMEMBERED_LENGTH_MAX) this.#remember(path, found)
      return found
    }
    return undefined
  }

  #remember(path: string, found: HotPath): void {
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#known.set(path, found)
  }
}

function paramsOf(match: RegExpExecArray): Record<string, string> {
  const params: Record<string, string> = {}
  for (const name in match.groups) {
    const segment = match.groups[name]
    if (segment !== undefined) params[name] = decodeSegment(segment)
  }
  return params
}

/** A segment that is not valid percent-encoding names no model, and neither does ''. */
function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return ''
  }
}
