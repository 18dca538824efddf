import { atMost, type Bench, mb, type PartReport } from '../lib/bench.ts'
import { CutoverServer } from '../lib/cutover-server.ts'
import { processTree, pssBytes } from '../lib/process-tree.ts'
import { Registry } from '../lib/registry.ts'

const ENGINES = 2

/** What a server with two engines keeps in memory once it has worked. */
export async function memory({ options, workDir, load, progress }: Bench): Promise<PartReport> {
  progress(`memory with ${ENGINES} engines`)
  const registry = new Registry(`${workDir}/memory`)
  const server = await CutoverServer.start({ registry: registry.dir, engines: ENGINES, workDir })
  try {
    await load.run({ port: server.port, connections: 1, seconds: options.seconds })
    await load.run({ port: server.port, connections: 32, seconds: options.seconds * 2 })
    const [serverBytes = 0, ...engineBytes] = processTree(server.pid).map(pssBytes)
    const total = engineBytes.reduce((sum, bytes) => sum + bytes, serverBytes)
    return {
      title: `Memory (PSS) of the server and ${ENGINES} engines of an 18 MB model, after load`,
      rows: [
        { what: 'server', value: mb(serverBytes) },
        { what: 'engines', value: engineBytes.map(mb).join(', ') },
        { what: 'together', value: mb(total), bar: atMost(330, total / 1e6, ' MB') },
      ],
      data: { serverBytes, engineBytes },
    }
  } finally {
    await server.stop()
  }
}
