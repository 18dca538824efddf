import { Buffer } from 'node:buffer'

import { Busboy } from '@fastify/busboy'

import { CutoverError, messageOf } from '../domain/errors.ts'

const FIELDS_MAX = 20
const FIELD_BYTES_MAX = 64 * 1024

/**
 * The bytes of the part named `field` of a multipart/form-data body, whether or not its sender
 * gave it a file name. Throws IMAGE_MISSING, or REQUEST_INVALID when the body is not what its
 * content type says.
 */
export function multipartField(body: Buffer, contentType: string, field: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const invalid = (error: unknown) =>
      reject(
        new CutoverError('REQUEST_INVALID', `the multipart body is malformed: ${messageOf(error)}`),
      )
    try {
      const parser = new Busboy({
        headers: { 'content-type': contentType },
        isPartAFile: (name) => name === field,
        limits: { parts: FIELDS_MAX, fieldSize: FIELD_BYTES_MAX, fileSize: body.length },
      })
      let found: Buffer[] | undefined
      const names: string[] = []
      parser.on('file', (_name, stream) => {
        const chunks: Buffer[] = []
        // The first part of that name counts, as in Flask.
        found ??= chunks
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('error', invalid)
      })
      parser.on('field', (name) => names.push(name))
      parser.on('error', invalid)
      parser.on('finish', () => {
        if (found !== undefined) resolve(Buffer.concat(found))
        else reject(missing(field, names))
      })
      parser.end(body)
    } catch (error) {
      invalid(error)
    }
  })
}

function missing(field: string, names: readonly string[]): CutoverError {
  const instead = names.length === 0 ? 'it has no fields' : `it has ${JSON.stringify(names)}`
  return new CutoverError('IMAGE_MISSING', `the form has no field ${field}; ${instead}`)
}
