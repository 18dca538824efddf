import { Buffer } from 'node:buffer'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    class_index?: number
    predictions?: { class_index: number; label: string | null; score: number }[]
    error?: string
    code?: string
  }
}

const IMAGE_HEAD =
  'Content-Disposition: form-data; name="image"; filename="photo"\r\n' +
  'Content-Type: application/octet-stream'

/**
 * Posts an image as the Flask service's clients do. The form is written by hand: a FormData costs
 * more than the server does, on the same cores.
 */
export async function predict(
  url: string,
  image: Uint8Array,
  path = '/predict',
  init: RequestInit = {},
): Promise<Answer> {
  const { body, contentType } = multipart([{ head: IMAGE_HEAD, data: image }])
  const headers = new Headers(init.headers)
  headers.set('content-type', contentType)
  return answerOf(await fetch(url + path, { ...init, method: 'POST', body, headers }))
}

export async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  contentType: string,
  path = '/predict',
): Promise<Answer> {
  const headers = { 'content-type': contentType }
  return answerOf(await fetch(url + path, { method: 'POST', body, headers }))
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Answer['body']),
  }
}

/** A multipart body written by hand. */
export function multipart(parts: readonly { head: string; data: Uint8Array | string }[]) {
  const boundary = 'X-CUTOVER-TEST'
  const chunks = parts.flatMap(({ head, data }) => [
    Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
    Buffer.from(data as string),
    Buffer.from('\r\n'),
  ])
  const body = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)])
  return { body, contentType: `multipart/form-data; boundary=${boundary}` }
}
