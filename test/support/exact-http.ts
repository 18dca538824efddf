import { Buffer } from 'node:buffer'
import { type IncomingHttpHeaders, request } from 'node:http'

export interface ExactAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Sends a request exactly as given: no header is added but Host and Content-Length. */
export function send(
  url: string,
  {
    method = 'POST',
    path,
    headers = {},
    body = Buffer.alloc(0),
  }: {
    readonly method?: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Uint8Array | string
  },
): Promise<ExactAnswer> {
  const { hostname, port } = new URL(url)
  const bytes = Buffer.from(body as string)
  return new Promise((resolve, reject) => {
    const length = bytes.length > 0 || method === 'POST' ? { 'content-length': bytes.length } : {}
    const sent = request({ hostname, port, method, path, headers: { ...headers, ...length } })
    sent.on('error', reject)
    sent.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const { statusCode = 0, headers } = response
        resolve({ status: statusCode, headers, body: Buffer.concat(chunks) })
      })
    })
    sent.end(bytes)
  })
}
