import { createHash } from 'node:crypto'

import type { OpenApiDocument } from './document.ts'

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --mark: #2a7ae2 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
h1 small { font-weight: normal; opacity: .6 }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer; overflow-wrap: anywhere }
summary b { color: var(--mark); display: inline-block; width: 3.2rem }
summary span { opacity: .7 }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { background: var(--soft); border-radius: 6px; overflow-x: auto; padding: .6rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid var(--line); padding: .25rem .5rem; vertical-align: top }
`

/** Allows nothing but the page's own style: no script, no network. */
export const PAGE_POLICY =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

interface Media {
  readonly schema?: unknown
  readonly example?: unknown
}

interface Described {
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly description: string
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<
    Record<string, { description: string; content?: Record<string, Media> }>
  >
}

/** An OpenAPI document as a page that needs neither scripts nor a network. */
export function pageOf(document: OpenApiDocument): string {
  const { title, version, description } = document['info'] as Record<string, string>
  const tags = document['tags'] as readonly { name: string; description: string }[]
  const schemas = (document['components'] as { schemas: Record<string, unknown> }).schemas
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation: operation as Described,
    })),
  )
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag.name))
    const entries = own.map(({ path, method, operation }) => entryOf(method, path, operation))
    return `<h2>${escaped(tag.description)}</h2>${entries.join('')}`
  })
  const objects = Object.entries(schemas).map(
    ([name, schema]) => `<details><summary>${escaped(name)}</summary>${code(schema)}</details>`,
  )
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<title>${escaped(title)}</title><style>${STYLE}</style>` +
    `<h1>${escaped(title)} <small>${escaped(version)}</small></h1><p>${escaped(description)} ` +
    `For programs: <a href="openapi.json">openapi.json</a>.</p>${sections.join('')}` +
    `<h2>Objects</h2>${objects.join('')}</html>`
  )
}

function entryOf(method: string, path: string, operation: Described): string {
  const { summary, description, parameters, requestBody, responses } = operation
  const rows = parameters.map(
    (parameter) =>
      `<tr><td><code>${escaped(parameter.name)}</code></td><td>${parameter.in}</td>` +
      `<td>${escaped(parameter.description)}</td></tr>`,
  )
  const body = requestBody === undefined ? '' : `<h4>Request</h4>${contentOf(requestBody.content)}`
  const answers = Object.entries(responses).map(
    ([status, answer]) =>
      `<h4>${status === 'default' ? 'Otherwise' : status}: ${escaped(answer.description)}</h4>` +
      contentOf(answer.content ?? {}),
  )
  return (
    `<details><summary><b>${method.toUpperCase()}</b> <code>${escaped(path)}</code> ` +
    `<span>${escaped(summary)}</span></summary>` +
    (description === undefined ? '' : `<p>${escaped(description)}</p>`) +
    `<table>${rows.join('')}</table>${body}${answers.join('')}</details>`
  )
}

function contentOf(content: Readonly<Record<string, Media>>): string {
  return Object.entries(content)
    .map(([type, { schema, example }]) => {
      const shown = example === undefined ? schema : { schema, example }
      return `<p><code>${escaped(type)}</code></p>${code(shown)}`
    })
    .join('')
}

function code(value: unknown): string {
  return `<pre>${escaped(JSON.stringify(value, undefined, 2))}</pre>`
}

function escaped(text = ''): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}
