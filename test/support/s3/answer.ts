import { type Content, EMPTY, inMemory } from './content.ts'
import type { S3Error } from './errors.ts'
import { type XmlValue, xmlDocument } from './xml.ts'

/** What is to be sent. Content-Length is of the body, unless a header says otherwise. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Content
}

export function emptyAnswer(status: number, headers: Answer['headers'] = {}): Answer {
  return { status, headers, body: EMPTY }
}

export function textAnswer(status: number, contentType: string, text: string): Answer {
  return { status, headers: { 'content-type': contentType }, body: inMemory([Buffer.from(text)]) }
}

export function xmlAnswer(root: string, value: XmlValue, headers: Answer['headers'] = {}): Answer {
  const answer = textAnswer(200, 'application/xml', xmlDocument(root, value))
  return { ...answer, headers: { ...answer.headers, ...headers } }
}

/** As S3 writes errors: without a namespace. */
export function errorAnswer({ code, message, status }: S3Error, resource: string): Answer {
  const body = xmlDocument('Error', { Code: code, Message: message, Resource: resource })
  return textAnswer(status, 'application/xml', body.replace(/<Error [^>]*>/, '<Error>'))
}
