import type { Answer } from './answer.ts'
import { type Content, inMemory, readAll, slice } from './content.ts'
import type { Effect } from './faults.ts'
import type { ObjectsView } from './store.ts'

/** The answer as the effect makes it; as it was, where the effect is of another sort. */
export async function altered(
  answer: Answer,
  effect: Effect,
  key: string,
  objects: ObjectsView,
): Promise<Answer> {
  const { body } = answer
  switch (effect.kind) {
    case 'flip':
      return { ...answer, body: flipped(body) }
    case 'shorten':
      return { ...answer, body: slice(body, 0, Math.floor(body.bytes / 2)) }
    case 'substitute':
      return { ...answer, body: otherBody(answer, effect.key ?? nextKey(objects, key), objects) }
    case 'pad':
      return { ...answer, body: padded(body, effect.bytes) }
    case 'etag':
      return withEtag(answer, effect.value)
    default:
      return answer
  }
}

function flipped(content: Content): Content {
  const middle = Math.floor(content.bytes / 2)
  return {
    bytes: content.bytes,
    async *read(from, to) {
      let at = from
      for await (const chunk of content.read(from, to)) {
        const copy = Buffer.from(chunk)
        const index = middle - at
        const byte = copy[index]
        if (byte !== undefined) copy[index] = byte ^ 1
        at += copy.length
        yield copy
      }
    },
  }
}

function otherBody(answer: Answer, key: string, objects: ObjectsView): Content {
  const other = objects.get(key)?.content ?? inMemory([])
  const [, first] = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '') ?? []
  if (first === undefined) return other
  const from = Math.min(other.bytes, Number(first))
  return slice(other, from, Math.min(other.bytes, from + answer.body.bytes))
}

function nextKey({ keys }: ObjectsView, key: string): string {
  return keys[(keys.indexOf(key) + 1) % keys.length] ?? ''
}

const PADDING = Buffer.alloc(65_536, ' ')

function padded(content: Content, bytes: number): Content {
  return {
    bytes,
    async *read(from, to) {
      yield* content.read(Math.min(from, content.bytes), Math.min(to, content.bytes))
      for (let at = Math.max(from, content.bytes); at < to; at += PADDING.length) {
        yield PADDING.subarray(0, to - at)
      }
    },
  }
}

async function withEtag(answer: Answer, value: string | undefined): Promise<Answer> {
  const { etag: _etag, ...others } = answer.headers
  const headers = value === undefined ? others : { ...others, etag: value }
  if (answer.headers['content-type'] !== 'application/xml') return { ...answer, headers }
  const xml = (await readAll(answer.body)).toString()
  const element = value === undefined ? '' : `<ETag>${value}</ETag>`
  return { ...answer, body: inMemory([Buffer.from(xml.replaceAll(/<ETag>.*?<\/ETag>/g, element))]) }
}
