// Compiles a file as a server does, until it is killed.
import { compiledModel } from '../../src/registry/compiled-cache.ts'

const [source = '', to = '', parent = ''] = process.argv.slice(2)
const { signal } = new AbortController()
await compiledModel(parent, { source, sha256: 'ff', to, bytesMax: 1e9, signal })
