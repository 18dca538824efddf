import { S3Error } from './errors.ts'

/** From the first byte up to, not including, the last. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/**
 * The bytes that a Range header asks for; undefined where there is none that S3 honours (it answers
 * several ranges, or what it cannot read, with the whole object).
 * @throws S3Error 416 where no byte of the object is in it
 */
export function parseRange(header: string | undefined, bytes: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  const from = first === '' ? Math.max(0, bytes - Number(last)) : Number(first)
  const to = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (from >= to) throw new S3Error('InvalidRange')
  return { from, to }
}
