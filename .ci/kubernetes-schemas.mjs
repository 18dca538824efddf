// node kubernetes-schemas.mjs SWAGGER DIR
//
// Kubernetes' own API description as JSON Schemas for kubeconform: definitions.json, and one file
// per kind that refers to it (deployment-apps-v1.json). They are strict: a field that the API does
// not know is an error, where a cluster would drop it in silence.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const [swagger, dir] = process.argv.slice(2)
const { definitions } = JSON.parse(readFileSync(swagger, 'utf8'))
mkdirSync(dir, { recursive: true })

for (const [name, definition] of Object.entries(definitions)) {
  if (definition.properties) definition.additionalProperties ??= false
  // Written as strings in the description; a manifest may also have numbers there.
  if (definition.format === 'int-or-string') definition.type = ['string', 'integer']
  if (name.endsWith('.api.resource.Quantity')) definition.type = ['string', 'number']
  delete definition.format

  for (const { group, version, kind } of definition['x-kubernetes-group-version-kind'] ?? []) {
    const file = [kind, group.split('.')[0], version].filter(Boolean).join('-').toLowerCase()
    const schema = { $ref: `definitions.json#/definitions/${name}` }
    writeFileSync(path.join(dir, `${file}.json`), JSON.stringify(schema))
  }
}
writeFileSync(path.join(dir, 'definitions.json'), JSON.stringify({ definitions }))
