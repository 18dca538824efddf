/**
 * JSON with one spelling per value: object keys in code unit order, no white space, members that
 * are undefined left out. Equal values give equal text, so it can be hashed.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
