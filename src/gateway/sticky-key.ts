import type { Stickiness } from '../serving/route-table.ts'

/** The value, by its name in lower case, of what came with a request. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** What decides the track of a request, where the model's users are to stay on one. */
export function stickyKeyOf(
  stickiness: Stickiness | undefined,
  headers: Headers,
): string | undefined {
  if (stickiness === undefined) return undefined
  const value =
    'header' in stickiness
      ? headers[stickiness.header.toLowerCase()]
      : cookieOf(headers['cookie'], stickiness.cookie)
  const key = typeof value === 'string' ? value : value?.[0]
  return key === '' ? undefined : key
}

function cookieOf(header: Headers[string], name: string): string | undefined {
  for (const pair of typeof header === 'string' ? header.split(';') : []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
