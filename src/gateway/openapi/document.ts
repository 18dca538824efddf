import { type Operation, parametersOf, reference, type Schema } from './operation.ts'

export interface DocumentOptions {
  readonly title: string
  readonly description: string
  readonly version: string
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly operations: readonly Operation[]
  readonly schemas: Readonly<Record<string, Schema>>
}

/** An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html). */
export interface OpenApiDocument extends Readonly<Record<string, unknown>> {
  readonly openapi: '3.1.1'
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Every answer that is not described is an error of the usual shape. */
export function openApiDocument(options: DocumentOptions): OpenApiDocument {
  const { title, description, version, tags, operations, schemas } = options
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of operations) {
    const methods = (paths[operation.path] ??= {})
    methods[operation.method] = describe(operation)
  }
  return {
    openapi: '3.1.1',
    info: {
      title,
      description,
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: { schemas },
  }
}

function describe({ path, id, tag, answers, body, parameters, error, ...texts }: Operation) {
  const { summary, description } = texts
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: parametersOf(path, parameters),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      ...answers,
      default: {
        description: 'What went wrong, in a sentence',
        content: { 'application/json': { schema: error ?? reference('Error') } },
      },
    },
  }
}
