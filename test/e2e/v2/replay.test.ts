import { Buffer } from 'node:buffer'
import { unzipSync } from 'node:zlib'

import { beforeAll, describe, expect, test } from 'vitest'

import { type ExactAnswer, send } from '../../support/exact-http.ts'
import { fixture } from '../../support/registry.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { exactJson, partsOf, vectors, without } from '../../support/v2-vectors.ts'

/** Where a better answer exists than the recorded one: docs/protocols.md gives the reasons. */
const OTHERWISE: Readonly<Record<string, number>> = {
  // Integers beyond a datatype are refused, not wrapped.
  'bad.int32-under': 400,
  'bad.int8-under': 400,
  'bad.int16-over': 400,
  'bad.uint32-over': 400,
  // So is what only looks like a request: more elements than the shape has, a NUL after the JSON,
  // text that is not UTF-8, a length that is no plain decimal.
  'bad.shape-zero-with-data': 400,
  'bad.json-nul-in-body': 400,
  'bad.json-invalid-utf8': 400,
  'bad.bin-header-plus': 400,
  'bad.bin-header-trailing-text': 400,
  // onnxruntime cuts strings at a NUL.
  'infer_json.identity-bytes': 400,
  // There is no bound on a batch but that of the body.
  'bad.batch-beyond-max': 200,
  'bad.batch-huge': 200,
  // Node.js refuses methods that it does not know before anybody sees the path.
  'bad.infer-method-bogus': 400,
  'compression.req-unknown-encoding': 415,
  // The model's own failure.
  'bad.string-not-number': 500,
  // /metrics is where cutover has its metrics.
  'metadata.metrics-on-http-port': 200,
}

/** A fault of the client's, which Triton reports as its own. */
const STATUS_OF_FAULTS = 400

let server: TestServer
beforeAll(async () => {
  server = await startServer(fixture('v2/models'), {
    flags: ['--engines', '1', '--versions-loaded-max', '3'],
  })
})

describe('what a real Triton answered', () => {
  test.each(vectors().map((vector) => [vector.id, vector] as const))('%s', async (id, vector) => {
    const { request, response, volatile = [], server_specific: isOwn = false } = vector
    const asked = partsOf(request.body)
    const { method, path, headers = {} } = request
    const received = await send(server.url, {
      method,
      path,
      headers,
      body: Buffer.concat([asked.json, asked.binary]),
    })
    const answer = { ...received, body: unpacked(received) }
    const recorded = response.status >= 500 ? STATUS_OF_FAULTS : response.status
    expect(answer.status, answer.body.toString('utf8', 0, 300)).toBe(OTHERWISE[id] ?? recorded)
    if (answer.status !== 200) {
      if (method !== 'HEAD') expect(exactJson(answer.body.toString())).toHaveProperty('error')
      expect(answer.headers['content-type']).toContain('application/json')
      return
    }
    if (isOwn || id in OTHERWISE) return
    const wanted = partsOf(response.body)
    const jsonBytes = Number(
      answer.headers['inference-header-content-length'] ?? answer.body.length,
    )
    expect(answer.body.subarray(jsonBytes)).toEqual(wanted.binary)
    const text = answer.body.toString('utf8', 0, jsonBytes)
    if (wanted.json.length === 0) expect(text).toBe('')
    else {
      const value = (json: string) => without(exactJson(json), [...volatile, '/platform'])
      expect(value(text)).toEqual(value(wanted.json.toString()))
    }
  })
})

function unpacked({ headers, body }: ExactAnswer): Buffer {
  return headers['content-encoding'] === undefined ? body : unzipSync(body)
}
