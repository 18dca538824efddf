import type { z } from 'zod'

const SENTENCES_MAX = 3

/** What a schema complains of, each with the path of the member: `files[0].bytes: expected …`. */
export function sentencesOf({ issues }: z.ZodError): string {
  const sentences = issues.slice(0, SENTENCES_MAX).map(sentenceOf)
  if (issues.length > SENTENCES_MAX) sentences.push(`${issues.length - SENTENCES_MAX} more`)
  return sentences.join('; ')
}

function sentenceOf({ path, message }: z.core.$ZodIssue): string {
  const where = path.reduce<string>(
    (before, key) =>
      typeof key === 'number' ? `${before}[${key}]` : `${before}${before && '.'}${String(key)}`,
    '',
  )
  const what = message.replace(/^Invalid input: /, '')
  return where === '' ? what : `${where}: ${what}`
}
