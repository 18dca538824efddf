import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { messageOf } from '../../src/domain/errors.ts'
import { oracleFiles } from '../../test/keras-oracle/cases.ts'
import { faultOf } from '../../test/keras-oracle/check.ts'

/**
 * node --import tsx scripts/keras-oracle/check.ts FOLDER
 *
 * Compares what make.py wrote to FOLDER, as the tests do with the files of the repository. Exits
 * with 1 when a model differs from Keras.
 */
const { positionals } = parseArgs({ allowPositionals: true })
const dir = mkdtempSync(path.join(tmpdir(), 'cutover-keras-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
const files = oracleFiles(positionals[0])
let faults = 0
for (const file of files) {
  const fault = await faultOf(file, dir).catch(messageOf)
  if (fault === undefined) continue
  faults += 1
  process.stdout.write(`${file.name} ${fault}\n`)
}
process.stdout.write(`${files.length} small models: ${faults} differ from Keras\n`)
process.exit(faults === 0 ? 0 : 1)
