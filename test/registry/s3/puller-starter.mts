// Starts the process that pulls files as its argument says, and says what came of it.
import { closeSync, openSync, readFileSync } from 'node:fs'
import os from 'node:os'

import { CutoverError } from '../../../src/domain/errors.ts'
import { PullerProcess } from '../../../src/registry/s3/puller-process.ts'

const NOBODY = 65_534
const task = { kind: 'verify', file: '/dev/null', bytes: 0, sha256: '' } as const

function start(): PullerProcess {
  return new PullerProcess({ connections: 1, stallTimeoutMs: 1000, onProgress: () => {} })
}

function withoutFiles(): PullerProcess {
  const files: number[] = []
  try {
    for (;;) files.push(openSync('/dev/null', 'r'))
  } catch {
    // There is none left.
  }
  const puller = start()
  for (const file of files) closeSync(file)
  return puller
}

async function outcome(puller: PullerProcess): Promise<string> {
  try {
    await puller.run(task, () => Promise.reject(new Error('no URL')))
    return 'done'
  } catch (error) {
    return error instanceof CutoverError ? error.code : String(error)
  }
}

const [how] = process.argv.slice(2)
if (how === 'niced') {
  if (process.getuid?.() === 0) process.setuid?.(NOBODY)
  const others = children()
  const puller = start()
  const [child] = children().filter((pid) => !others.includes(pid))
  console.log(os.getPriority(child))
  puller.close()
} else {
  const puller = withoutFiles()
  if (how === 'closed') puller.close()
  const said = await outcome(puller)
  puller.close()
  // What nobody waits for ends this process on the next turn.
  setTimeout(() => console.log(said), 100)
}

function children(): number[] {
  const list = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1')
  return list.split(' ').filter(Boolean).map(Number)
}
