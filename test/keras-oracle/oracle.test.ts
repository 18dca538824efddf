import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type OracleFile, oracleFiles } from './cases.ts'
import { faultOf } from './check.ts'

/** What Keras answers, as `scripts/keras-oracle/make.py` recorded it, is what cutover answers. */
const files = oracleFiles()

let dir: string
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'cutover-keras-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function titled(wanted: (refuses: string | undefined) => boolean): [string, OracleFile][] {
  return files.filter(({ refuses }) => wanted(refuses)).map((file) => [file.name, file])
}

describe('a model is compiled to what Keras computes', () => {
  test.each(titled((refuses) => refuses === undefined))('%s', async (_, file) => {
    expect(await faultOf(file, dir)).toBeUndefined()
  })
})

describe('what cannot be compiled is refused by name', () => {
  test.each(titled((refuses) => refuses !== undefined))('%s', async (_, file) => {
    expect(await faultOf(file, dir)).toBeUndefined()
  })
})
