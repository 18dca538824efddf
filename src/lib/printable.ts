/**
 * Text from outside as a terminal may be shown it: one line, in which control characters, which
 * could move the cursor or recolour it, and those that reorder text stand as their codes.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16)
    return `\\u{${code}}`
  })
}
