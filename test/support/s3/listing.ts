/** Keys are listed in the order of their UTF-8 bytes, which JavaScript's own order is but for surrogates. */
export function inKeyOrder(a: string, b: string): number {
  if (a === b) return 0
  for (let i = 0; ; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    if (Number.isNaN(left)) return -1
    if (Number.isNaN(right)) return 1
    return surrogatesLast(left) - surrogatesLast(right)
  }
}

function surrogatesLast(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

export interface ListingQuery {
  readonly prefix: string
  readonly delimiter: string
  /** Start after this key, and after all keys that start with it where it is a common prefix. */
  readonly after: ListingEntry | undefined
  readonly entriesMax: number
}

export interface ListingEntry {
  readonly kind: 'key' | 'common-prefix'
  readonly name: string
}

export interface ListingPage {
  readonly entries: readonly ListingEntry[]
  readonly isTruncated: boolean
}

/** One page of a listing of keys that are in order. */
export function listPage(keys: readonly string[], query: ListingQuery): ListingPage {
  const { prefix, delimiter, after, entriesMax } = query
  const entries: ListingEntry[] = []
  let at = firstWhere(keys, (key) => inKeyOrder(key, prefix) >= 0)
  if (after !== undefined) at = Math.max(at, firstAfter(keys, after))

  while (at < keys.length) {
    const key = keys[at] ?? ''
    if (!key.startsWith(prefix)) break
    if (entries.length === entriesMax) return { entries, isTruncated: entriesMax > 0 }
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const entry: ListingEntry =
      end === -1
        ? { kind: 'key', name: key }
        : { kind: 'common-prefix', name: key.slice(0, end + delimiter.length) }
    entries.push(entry)
    at = entry.kind === 'key' ? at + 1 : firstAfter(keys, entry)
  }
  return { entries, isTruncated: false }
}

function firstAfter(keys: readonly string[], { kind, name }: ListingEntry): number {
  return firstWhere(
    keys,
    (key) => inKeyOrder(key, name) > 0 && !(kind === 'common-prefix' && key.startsWith(name)),
  )
}

/** The first index for which a condition holds that holds for all that follow. */
function firstWhere(keys: readonly string[], holds: (key: string) => boolean): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(keys[middle] ?? '')) high = middle
    else low = middle + 1
  }
  return low
}
