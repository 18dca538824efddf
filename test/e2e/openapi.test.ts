import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { ColdRoute, HotRoute } from '../../src/gateway/route.ts'
import { ADMIN_ROUTES, COLD_ROUTES, HOT_ROUTES } from '../../src/gateway/routes.ts'
import { bright } from '../support/images.ts'
import { fixture, registryWith } from '../support/registry.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { exactJson, partsOf, vectors } from '../support/v2-vectors.ts'

interface Operation {
  readonly responses: Record<string, { content?: Record<string, { schema: object }> }>
  readonly requestBody?: { content: Record<string, { schema: object; example?: unknown }> }
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { schemas: Record<string, object> }
}

let server: TestServer
let admin: string
let ofData: Document
let ofAdmin: Document

beforeAll(async () => {
  server = await startServer(fixture('v2/models'), {
    flags: ['--engines', '1', '--versions-loaded-max', '3', '--admin-port', '0'],
  })
  const port = Number(server.log.find((line) => line['adminPort'])?.['adminPort'])
  admin = `http://127.0.0.1:${port}`
  ofData = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document
  ofAdmin = (await (await fetch(`${admin}/openapi.json`)).json()) as Document
})
afterAll(() => server.stop())

/** Throws with every deviation when a value is not what a schema of the document says. */
function check(document: Document, schema: object, value: unknown): void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  const isValid = ajv.validate({ ...schema, components: document.components }, value)
  if (!isValid) throw new Error(ajv.errorsText(ajv.errors))
}

function operations({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
}

function filled(path: string): string {
  const values = new Map([
    ['model', 'tiny'],
    ['version', '1'],
    ['label', 'stable'],
  ])
  return path.replace(/\{(\w+)\}/g, (_braces, name: string) => values.get(name) ?? '')
}

describe('the description', () => {
  test('is valid OpenAPI 3.1', async () => {
    for (const document of [ofData, ofAdmin]) {
      expect(document).toMatchObject({ openapi: '3.1.1' })
      const { valid, errors } = await new Validator().validate({ ...structuredClone(document) })
      expect(errors).toBe(undefined)
      expect(valid).toBe(true)
    }
  })

  test('has every route of the server, and no other', () => {
    for (const [document, routes] of [
      [ofData, [...COLD_ROUTES, ...HOT_ROUTES]],
      [ofAdmin, ADMIN_ROUTES],
    ] as const) {
      const described = operations(document).map(({ method, path }) => `${method} ${path}`)
      const served = routes.map((route) => operationsOf(document, route))
      for (const each of served) expect(each).not.toEqual([])
      expect(new Set(served.flat())).toEqual(new Set(described))
    }
  })

  test('is of what is answered to every GET', async () => {
    for (const [base, document] of [
      [server.url, ofData],
      [admin, ofAdmin],
    ] as const) {
      for (const { path, method, operation } of operations(document)) {
        if (method !== 'get') continue
        const answer = await fetch(base + filled(path))
        expect(`${path} ${answer.status}`).toBe(`${path} 200`)
        const content = operation.responses['200']?.content
        const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
        const text = await answer.text()
        if (content === undefined) {
          expect(text).toBe('')
          continue
        }
        expect(Object.keys(content)).toContain(type)
        if (type === 'application/json') {
          check(document, content[type]?.schema ?? {}, JSON.parse(text))
        }
      }
    }
  })

  test('has examples that are answered', async () => {
    const example = ofData.paths['/v2/models/{model}/infer']?.['post']?.requestBody?.content
    const body = JSON.stringify(example?.['application/json']?.example)
    const answer = await fetch(`${server.url}/v2/models/tiny/infer`, { method: 'POST', body })
    expect(answer.status).toBe(200)
    check(ofData, { $ref: '#/components/schemas/InferResponse' }, await answer.json())
    const command = ofAdmin.paths['/rollouts/{model}/commands']?.['post']?.requestBody?.content
    check(ofAdmin, { $ref: '#/components/schemas/Command' }, command?.['application/json']?.example)
  })

  test('holds for every recorded request and answer of the Open Inference Protocol', () => {
    const infer = /^\/v2\/models\/[^/]+(?:\/versions\/\d+)?\/infer$/
    const recorded = vectors().filter(
      ({ request, response }) =>
        infer.test(request.path) &&
        response.status === 200 &&
        !('content-encoding' in lower(request)),
    )
    let checked = 0
    for (const { id, request, response } of recorded) {
      if (id.startsWith('bad.')) continue
      const asked = partsOf(request.body).json.toString()
      const answered = partsOf(response.body).json.toString()
      if (!asked.startsWith('{') || !answered.startsWith('{')) continue
      check(ofData, { $ref: '#/components/schemas/InferRequest' }, exactJson(asked))
      check(ofData, { $ref: '#/components/schemas/InferResponse' }, exactJson(answered))
      checked++
    }
    expect(checked).toBeGreaterThan(50)
  })

  test('is of the errors', async () => {
    const answer = await fetch(`${server.url}/v2/models/none`)
    expect(answer.status).toBe(404)
    check(ofData, { $ref: '#/components/schemas/Error' }, await answer.json())
  })
})

test('the page for people shows every path and needs nothing from elsewhere', async () => {
  for (const [base, document] of [
    [server.url, ofData],
    [admin, ofAdmin],
  ] as const) {
    const answer = await fetch(`${base}/docs`)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; /)
    const page = await answer.text()
    for (const path of Object.keys(document.paths)) expect(page).toContain(`<code>${path}</code>`)
    expect(page).not.toMatch(/<script|https?:\/\/|src=/)
  }
})

test('a prediction is what is described', async () => {
  const registry = registryWith(['m', 1, 'class-1'])
  const other = await startServer(registry.dir)
  for (const query of ['', '?top_k=2']) {
    const headers = { 'content-type': 'image/png' }
    const body = new Uint8Array(bright)
    const answer = await fetch(`${other.url}/predict${query}`, { method: 'POST', headers, body })
    expect(answer.status).toBe(200)
    check(ofData, { $ref: '#/components/schemas/Prediction' }, await answer.json())
  }
  await other.stop()
})

/** Express's form in OpenAPI's: parameters in braces, and both forms of what is optional. */
function operationsOf(document: Document, { method, path }: ColdRoute | HotRoute): string[] {
  const verb = method.toLowerCase()
  const paths =
    typeof path === 'string'
      ? spelledOut(path)
      : operations(document)
          .filter((each) => each.method === verb && path.test(filled(each.path)))
          .map((each) => each.path)
  return paths.map((each) => `${verb} ${each}`)
}

function spelledOut(path: string): string[] {
  const optional = /\{([^}]*)\}/.exec(path)
  const forms =
    optional === null
      ? [path]
      : [path.replace(optional[0], ''), path.replace(optional[0], optional[1] ?? '')]
  return forms.map((form) => form.replace(/:(\w+)/g, '{$1}'))
}

function lower({ headers = {} }: { headers?: Readonly<Record<string, string>> }) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
}
