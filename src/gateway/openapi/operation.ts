/** JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
export type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly description: string
  readonly required?: boolean
  readonly schema: Schema
}

/** By media type. */
export type Content = Readonly<
  Record<string, { readonly schema: Schema; readonly example?: unknown }>
>

export interface Answer {
  readonly description: string
  readonly content?: Content
}

/** What a client may ask on one path, and what it is answered. */
export interface Operation {
  readonly method: 'get' | 'post'
  /** Parameters in braces. */
  readonly path: string
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly Parameter[]
  readonly body?: { readonly required: boolean; readonly content: Content }
  /** By status. */
  readonly answers: Readonly<Record<string, Answer>>
  /** The shape of every other answer, where it is not the usual one. */
  readonly error?: Schema
}

export function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

export function json(schema: Schema, example?: unknown): Content {
  return { 'application/json': { schema, ...(example === undefined ? {} : { example }) } }
}

export const MODEL: Parameter = {
  name: 'model',
  in: 'path',
  description: 'The name of a model',
  required: true,
  schema: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' },
}

export const VERSION: Parameter = {
  name: 'version',
  in: 'path',
  description: 'The number of a version that is loaded; without it, what takes the traffic answers',
  required: true,
  schema: { type: 'integer', minimum: 1 },
}

const REQUEST_ID: Parameter = {
  name: 'x-request-id',
  in: 'header',
  description: 'Comes back with the answer and stands in the log, if it is harmless',
  schema: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,128}$' },
}

/** The parameters that a path names in braces, and what every request may have. */
export function parametersOf(path: string, others: readonly Parameter[] = []): Parameter[] {
  const known = [MODEL, VERSION, ...others]
  const named = [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) =>
    known.filter((parameter) => parameter.in === 'path' && parameter.name === name),
  )
  return [...named, ...others.filter((parameter) => parameter.in !== 'path'), REQUEST_ID]
}
