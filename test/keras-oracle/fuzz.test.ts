import { expect, test } from 'vitest'

import { oracleFiles } from './cases.ts'
import { judge } from './fuzz.ts'
import { mutant } from './mutations.ts'

const FILES = 15
/** Generous: here it only keeps a hang from hanging the tests. */
const TIMEOUT_MS = 90_000
/** `scripts/keras-oracle/fuzz.ts` tries 500: these are others. */
const FIRST = 10_000

const files = oracleFiles().filter(({ refuses }) => refuses === undefined)

test.concurrent.each(Array.from({ length: FILES }, (_, index) => FIRST + index))(
  'mutated Keras file %i is compiled or refused in a sentence',
  async (number) => {
    const { mutant: tried, fault } = await judge(await mutant(files, number), TIMEOUT_MS)
    expect(fault, tried.name).toBeUndefined()
  },
)
