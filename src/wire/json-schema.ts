import { z } from 'zod'

/** What a schema takes, as JSON Schema without the name of its dialect, which is OpenAPI's. */
export function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...own } = z.toJSONSchema(schema, {
    io: 'input',
    // Few readers of JSON Schema know classes of Unicode characters.
    override: ({ jsonSchema }) => void delete jsonSchema.pattern,
  })
  return own
}
