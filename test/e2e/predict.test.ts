import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'

import { beforeAll, describe, expect, test } from 'vitest'

import { answerOf, multipart, post, predict } from '../support/client.ts'
import { dark, shade } from '../support/images.ts'
import { fixture, registryWith } from '../support/registry.ts'
import { startServer, type TestServer, waitFor } from '../support/server.ts'

const MODELS = fileURLToPath(new URL('../../models', import.meta.url))
const coffee = readFileSync(fixture('images/photos/coffee.png'))
const ESPRESSO = 967

describe('the model that ships with the product', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer(MODELS)
  })

  test('answers the Flask contract to the letter', async () => {
    const { status, headers, body } = await predict(server.url, coffee)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json')
    expect(body).toEqual({ class_index: ESPRESSO })
  })

  test('names the model, version, track and request in headers', async () => {
    const { headers } = await predict(server.url, coffee, '/predict', {
      headers: { 'x-request-id': 'mine-1' },
    })
    expect(headers.get('x-model-name')).toBe('efficientnet-lite')
    expect(headers.get('x-model-version')).toBe('1')
    expect(headers.get('x-model-track')).toBe('stable')
    expect(headers.get('x-request-id')).toBe('mine-1')
  })

  test('replaces a request id that is no id', async () => {
    const { headers } = await predict(server.url, coffee, '/predict', {
      headers: { 'x-request-id': 'a b"<script>' },
    })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('adds labels and scores on demand, best first', async () => {
    const { body } = await predict(server.url, coffee, '/predict?top_k=5')
    expect(body.class_index).toBe(ESPRESSO)
    expect(body.predictions).toHaveLength(5)
    expect(body.predictions?.[0]).toMatchObject({ class_index: ESPRESSO, label: 'espresso' })
    const scores = body.predictions?.map(({ score }) => score) ?? []
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
  })

  test.each(['0', '-1', '1.5', 'abc', '', '1001'])('refuses top_k=%s', async (topK) => {
    const { status, body } = await predict(server.url, coffee, `/predict?top_k=${topK}`)
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID'])
    expect(body.error).toContain('top_k')
  })

  test.each([
    ['image/png', coffee],
    ['application/octet-stream', coffee],
  ])('takes a raw %s body', async (contentType, image) => {
    const { body } = await post(server.url, new Uint8Array(image), contentType)
    expect(body).toEqual({ class_index: ESPRESSO })
  })

  test('takes a form as fetch() makes it', async () => {
    const form = new FormData()
    form.set('image', new Blob([new Uint8Array(coffee)]), 'photo')
    const { body } = await answerOf(
      await fetch(`${server.url}/predict`, { method: 'POST', body: form }),
    )
    expect(body).toEqual({ class_index: ESPRESSO })
  })

  test('takes base64 in JSON', async () => {
    const json = JSON.stringify({ image: coffee.toString('base64') })
    const { body } = await post(server.url, json, 'application/json; charset=utf-8')
    expect(body).toEqual({ class_index: ESPRESSO })
  })

  test('answers for a model and for a version of it', async () => {
    for (const path of [
      '/models/efficientnet-lite/predict',
      '/models/efficientnet-lite/versions/1/predict',
    ]) {
      expect((await predict(server.url, coffee, path)).body).toEqual({ class_index: ESPRESSO })
    }
  })

  test('every photo of the fixtures is one of the classes that the network gives it', async () => {
    const expected = JSON.parse(readFileSync(fixture('images/expected.json'), 'utf8')) as Record<
      string,
      { crop_top5: [number, string, number][] }
    >
    for (const [file, photo] of Object.entries(expected)) {
      if (file.startsWith('_')) continue
      const image = readFileSync(fixture(`images/photos/${file}`))
      const { body } = await predict(server.url, image, '/predict?top_k=1')
      expect([file, body.class_index]).toEqual([file, photo.crop_top5[0]?.[0]])
    }
  })
})

describe('what a client can do wrong', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer(registryWith(['digits', 7, 'class-3']).dir, {
      flags: ['--body-bytes-max', '100KB', '--body-timeout-ms', '1000', '--pixels-max', '1000000'],
    })
  })

  async function expectError(
    answer: Promise<{ status: number; body: object }>,
    ...error: unknown[]
  ) {
    const { status, body } = await answer
    const { code, error: sentence } = body as { code: string; error: string }
    expect([status, code]).toEqual(error)
    expect(sentence).toMatch(/\w+ \w+/)
  }

  test('no field', async () => {
    const form = multipart([{ head: 'Content-Disposition: form-data; name="other"', data: 'x' }])
    await expectError(post(server.url, form.body, form.contentType), 400, 'IMAGE_MISSING')
  })

  test('no form', async () => {
    const answer = post(server.url, '', 'multipart/form-data; boundary=x')
    await expectError(answer, 400, 'IMAGE_MISSING')
  })

  test('a form without its end', async () => {
    const { body, contentType } = multipart([
      { head: 'Content-Disposition: form-data; name="image"; filename="a.png"', data: dark },
    ])
    const answer = post(server.url, body.subarray(0, body.length - 30), contentType)
    await expectError(answer, 400, 'REQUEST_INVALID')
  })

  test('a form without a boundary', async () => {
    await expectError(post(server.url, 'x', 'multipart/form-data'), 400, 'REQUEST_INVALID')
  })

  test('a part without a file name is an image all the same', async () => {
    const form = multipart([{ head: 'Content-Disposition: form-data; name="image"', data: dark }])
    const { body } = await post(server.url, form.body, form.contentType)
    expect(body).toEqual({ class_index: 3 })
  })

  test('other fields beside the image do no harm', async () => {
    const form = multipart([
      { head: 'Content-Disposition: form-data; name="note"', data: 'hello' },
      { head: 'Content-Disposition: form-data; name="image"; filename="a"', data: dark },
    ])
    const { body } = await post(server.url, form.body, form.contentType)
    expect(body).toEqual({ class_index: 3 })
  })

  test('an empty file', async () => {
    await expectError(predict(server.url, new Uint8Array()), 400, 'IMAGE_EMPTY')
  })

  test('a text file', async () => {
    await expectError(predict(server.url, Buffer.from('hello')), 400, 'IMAGE_UNDECODABLE')
  })

  test.each([
    ['GIF', 'cat.gif'],
    ['BMP', 'cat.bmp'],
  ])('a %s', async (format, file) => {
    const image = readFileSync(fixture(`images/codecs/${file}`)).subarray(0, 50_000)
    const { status, body } = await predict(server.url, image)
    expect([status, body.code]).toEqual([415, 'IMAGE_FORMAT_UNSUPPORTED'])
    expect(body.error).toContain(format)
  })

  test('an SVG', async () => {
    const svg =
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    await expectError(predict(server.url, Buffer.from(svg)), 415, 'IMAGE_FORMAT_UNSUPPORTED')
  })

  test('a truncated JPEG', async () => {
    const image = readFileSync(fixture('images/codecs/bad_truncated.jpg'))
    await expectError(predict(server.url, image), 400, 'IMAGE_UNDECODABLE')
  })

  test('a PNG bomb', async () => {
    await expectError(predict(server.url, pngBomb(30_000)), 413, 'IMAGE_TOO_MANY_PIXELS')
  })

  test('a method that the path does not take', async () => {
    const response = await fetch(`${server.url}/predict`)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(await response.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED' })
    const models = await fetch(`${server.url}/models`, { method: 'DELETE' })
    expect([models.status, models.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  test('a content type that is none of the three', async () => {
    const answer = post(server.url, 'image=1', 'application/x-www-form-urlencoded')
    await expectError(answer, 415, 'CONTENT_TYPE_UNSUPPORTED')
    await expectError(post(server.url, '<a/>', 'text/xml'), 415, 'CONTENT_TYPE_UNSUPPORTED')
  })

  test.each([
    ['{"image": 5}', 'REQUEST_INVALID'],
    ['{"image": "%%%"}', 'REQUEST_INVALID'],
    ['{"picture": "aGk="}', 'IMAGE_MISSING'],
    ['[]', 'IMAGE_MISSING'],
    ['{"image"', 'REQUEST_INVALID'],
  ])('JSON %s', async (json, code) => {
    await expectError(post(server.url, json, 'application/json'), 400, code)
  })

  test.each([
    ['/models/absent/predict', 'MODEL_NOT_FOUND'],
    ['/models/..%2F..%2Fetc/predict', 'MODEL_NOT_FOUND'],
    ['/models/%zz/predict', 'MODEL_NOT_FOUND'],
    ['/models/digits/versions/9/predict', 'VERSION_NOT_FOUND'],
    ['/models/digits/versions/07/predict', 'VERSION_NOT_FOUND'],
    ['/models/digits/versions/abc/predict', 'VERSION_NOT_FOUND'],
    ['/nowhere', 'ROUTE_NOT_FOUND'],
  ])('POST %s', async (path, code) => {
    await expectError(predict(server.url, dark, path), 404, code)
  })

  test('a body that is too large is answered before it is sent', async () => {
    const socket = await connect(server.port)
    const boundary = 'multipart/form-data; boundary=x'
    const lines = ['POST /predict HTTP/1.1', 'host: x', `content-type: ${boundary}`]
    socket.write(`${[...lines, 'content-length: 50000000'].join('\r\n')}\r\n\r\n`)
    expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 413 .*BODY_TOO_LARGE/s)
  })

  test('what is wrong before its body is read costs no connection', async () => {
    const socket = await connect(server.port)
    const head = (path: string, length: number) =>
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: ${length}\r\n\r\n`
    socket.write(`${head('/models/absent/predict', 4)}abcd`)
    socket.write('GET /predict HTTP/1.1\r\nhost: x\r\n\r\n')
    socket.write(head('/predict', dark.length))
    socket.write(dark)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await expect.poll(() => text.match(/HTTP\/1\.1 \d+/g)).toHaveLength(3)
    expect(text.match(/(?<=HTTP\/1\.1 )\d+/g)).toEqual(['404', '405', '200'])
    socket.destroy()
  })

  test('a body that is too large and not announced', async () => {
    // It comes to an end: fetch() reads on what it does not send any more, and keeps it in memory.
    let chunksLeft = 200
    const body = new ReadableStream({
      async pull(controller) {
        await sleep(10)
        controller.enqueue(new Uint8Array(64 * 1024))
        if (chunksLeft-- === 0) controller.close()
      },
    })
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'image/png' } }
    const response = await fetch(`${server.url}/predict`, init as RequestInit)
    expect(response.status).toBe(413)
    expect(chunksLeft).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ code: 'BODY_TOO_LARGE' })
  })

  test('a client that is refused early gets one answer, however slowly it goes on', async () => {
    const socket = await connect(server.port)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.write('POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n')
    socket.write('content-length: 50000000\r\n\r\nabc')
    // The time for the request is over before the one for reading the answer.
    await once(socket, 'close')
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413'])
  })

  test('a client that asks first is told not to send', async () => {
    const socket = await connect(server.port)
    const lines = ['POST /predict HTTP/1.1', 'host: x', 'content-type: image/png']
    const length = ['content-length: 50000000', 'expect: 100-continue']
    socket.write(`${[...lines, ...length].join('\r\n')}\r\n\r\n`)
    const answer = await firstAnswer(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 413/)
  })

  test('a client that stalls', async () => {
    const socket = await connect(server.port)
    socket.write('POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n')
    socket.write('content-length: 1000\r\n\r\nabc')
    expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 408 .*REQUEST_TIMEOUT/s)
  })

  test('a client that hangs up is counted, and nobody else notices', async () => {
    const counted = { outcome: 'REQUEST_ABORTED' }
    const before = await server.metric('cutover_requests_total', counted)
    const socket = await connect(server.port)
    socket.write('POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\n')
    socket.write('content-length: 1000\r\n\r\nabc')
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    await waitFor(
      async () => (await server.metric('cutover_requests_total', counted)) > before,
      'the hang-up to be counted',
    )
    expect((await predict(server.url, dark)).status).toBe(200)
  })

  test('what is not HTTP', async () => {
    const socket = await connect(server.port)
    socket.write('\x16\x03\x01 this is TLS\r\n\r\n')
    expect(await firstAnswer(socket)).toMatch(/^HTTP\/1\.1 400 .*REQUEST_INVALID/s)
  })

  test('each format of the three', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const { body } = await post(
        server.url,
        new Uint8Array(await shade(50, format)),
        `image/${format}`,
      )
      expect(body).toEqual({ class_index: 3 })
    }
  })
})

test('with several models, /predict asks which', async () => {
  const registry = registryWith(['cats', 1, 'class-1'], ['dogs', 1, 'class-2'])
  const server = await startServer(registry.dir)
  await waitFor(
    async () => (await predict(server.url, dark, '/models/dogs/predict')).status === 200,
    'both models',
  )
  const { status, body } = await predict(server.url, dark)
  expect([status, body.code]).toEqual([400, 'MODEL_AMBIGUOUS'])
  expect(body.error).toContain('cats, dogs')
  const named = await startServer(registry.dir, { flags: ['--default-model', 'dogs'] })
  expect((await predict(named.url, dark)).body).toEqual({ class_index: 2 })
})

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject)
  })
}

/** What the server sends until it stops for a moment or closes. */
function firstAnswer(socket: net.Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const done = () => {
      socket.destroy()
      resolve(text)
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (text.endsWith('}')) done()
    })
    socket.on('close', done)
    socket.on('error', done)
  })
}

/** A PNG of a few bytes that claims to be `size` × `size` pixels. */
function pngBomb(size: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length, 0)
    body.copy(out, 4)
    out.writeUInt32BE(crc32(body), body.length + 4)
    return out
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  header[8] = 8
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
