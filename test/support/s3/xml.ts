const HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n'
const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

/** What an element holds: text, elements by name, or several elements of one name. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue }

/** A document in S3's namespace. Undefined values are left out. */
export function xmlDocument(root: string, value: XmlValue): string {
  return `${HEADER}<${root} ${NAMESPACE}>${inner(value)}</${root}>`
}

function inner(value: XmlValue): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return escapeXml(String(value))
  return Object.entries(value)
    .map(([name, child]) => elements(name, child))
    .join('')
}

function elements(name: string, value: XmlValue): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((item) => elements(name, item as XmlValue)).join('')
  return `<${name}>${inner(value)}</${name}>`
}

/** Characters that XML 1.0 does not carry literally become references, as S3 writes them. */
function escapeXml(text: string): string {
  return text.replace(/[&<>"\p{Cc}]/gu, (c) => `&#x${c.charCodeAt(0).toString(16).toUpperCase()};`)
}

/** The bodies of every element of that name, as they stand: S3's requests nest none in itself. */
export function xmlElements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g'))].map(
    ([, body]) => body ?? '',
  )
}

/** The text of the first element of that name. */
export function xmlText(xml: string, name: string): string | undefined {
  const text = xmlElements(xml, name)[0]
  return text === undefined ? undefined : unescapeXml(text)
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name] ?? whole
  })
}
