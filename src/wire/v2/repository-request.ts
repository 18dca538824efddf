import { z } from 'zod'

import { CutoverError } from '../../domain/errors.ts'
import { jsonSchemaOf } from '../json-schema.ts'

const INDEX = z.object({ ready: z.boolean().describe('Only what is ready').optional() })
const CONTROL = z.object({ parameters: z.record(z.string(), z.unknown()).optional() })

/** What `parseIndexRequest` takes, as JSON Schema. */
export const INDEX_REQUEST_SCHEMA = jsonSchemaOf(INDEX)
/** What `parseControlRequest` takes, as JSON Schema. */
export const CONTROL_REQUEST_SCHEMA = jsonSchemaOf(CONTROL)

/** A body of `/v2/repository/index`, which may be empty. Throws REQUEST_INVALID. */
export function parseIndexRequest(text: string): z.infer<typeof INDEX> {
  return parse(INDEX, text, 'whose `ready` is true or false')
}

/** A body of a load or an unload, which may be empty. Throws REQUEST_INVALID. */
export function parseControlRequest(text: string): z.infer<typeof CONTROL> {
  return parse(CONTROL, text, 'whose `parameters` are an object')
}

function parse<T>(schema: z.ZodType<T>, text: string, which: string): T {
  try {
    return schema.parse(text.trim() === '' ? {} : JSON.parse(text))
  } catch (error) {
    throw new CutoverError('REQUEST_INVALID', `the body must be empty or a JSON object ${which}`, {
      cause: error,
    })
  }
}
