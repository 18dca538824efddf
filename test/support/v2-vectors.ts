import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'

import { fixture } from './registry.ts'

type Body =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly json_text: string; readonly binary_base64: string }
  | { readonly generated: string }

/** A request and what a real Triton answered (test/fixtures/v2/vectors/index.json). */
export interface Vector {
  readonly id: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Body
  }
  readonly response: { readonly status: number; readonly body: Body }
  readonly volatile?: readonly string[]
  readonly server_specific?: boolean
}

export function vectors(): Vector[] {
  const dir = fixture('v2/vectors')
  return readdirSync(dir)
    .filter((name) => name !== 'index.json')
    .flatMap((name) => JSON.parse(readFileSync(`${dir}/${name}`, 'utf8')) as Vector[])
}

/** The JSON part of a body and what follows it. */
export function partsOf(body: Body | undefined): { json: Buffer; binary: Buffer } {
  const none = Buffer.alloc(0)
  if (body === undefined) return { json: none, binary: none }
  if ('text' in body) return { json: Buffer.from(body.text), binary: none }
  if ('base64' in body) return { json: Buffer.from(body.base64, 'base64'), binary: none }
  if ('generated' in body) return { json: Buffer.from(generated(body.generated)), binary: none }
  return { json: Buffer.from(body.json_text), binary: Buffer.from(body.binary_base64, 'base64') }
}

/** As a value; integers beyond a double, NaN and Infinity as their text. */
export function exactJson(text: string): unknown {
  const quoted = text.replace(
    /"(?:[^"\\]|\\.)*"|(?<![\d.])-?\d{16,}(?![\d.eE])|-?Infinity|NaN/g,
    (token) => (token.startsWith('"') ? token : `"${token}"`),
  )
  return JSON.parse(quoted) as unknown
}

/** Takes away what JSON pointers name; `*` is every element. */
export function without(value: unknown, pointers: readonly string[]): unknown {
  for (const pointer of pointers) remove(value, pointer.split('/').slice(1))
  return value
}

function remove(value: unknown, [first, ...rest]: readonly string[]): void {
  if (typeof value !== 'object' || value === null || first === undefined) return
  const record = value as Record<string, unknown>
  for (const key of first === '*' ? Object.keys(record) : [first]) {
    if (rest.length === 0) delete record[key]
    else remove(record[key], rest)
  }
}

function generated(description: string): string {
  const row = Array.from({ length: 16 }, (_, i) => i)
  const deep = /holding (\d+) nested/.exec(description)?.[1]
  const batch = Number(/batch (\d+)$/.exec(description)?.[1] ?? 1)
  const inputs = [row, row.map(() => 1)].map((data, i) => ({
    name: `INPUT${i}`,
    shape: [batch, 16],
    datatype: 'INT32',
    data: Array.from({ length: batch }, () => data).flat(),
  }))
  const request = JSON.stringify({ inputs })
  if (deep === undefined) return request
  return `${request.slice(0, -1)},"x":${'['.repeat(Number(deep))}${']'.repeat(Number(deep))}}`
}
