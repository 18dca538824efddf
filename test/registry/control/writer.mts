// Writes documents as fast as it can, until it is killed.
import path from 'node:path'

import { ControlFolder } from '../../../src/registry/control/control-folder.ts'

const [dir = ''] = process.argv.slice(2)
const store = new ControlFolder((model) => path.join(dir, model))
for (;;) {
  const before = await store.read('m')
  const number = Number(before?.text.split(' ')[1] ?? 0) + 1
  await store.write('m', `document ${number} ${'x'.repeat(50_000)}`, before?.tag)
  process.stdout.write('.')
}
