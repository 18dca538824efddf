import { expect, test } from 'vitest'

import { oracleFiles } from './cases.ts'
import { judge } from './fuzz.ts'
import { mutant } from './mutations.ts'

const FILES = 18
/** `scripts/keras-oracle/fuzz.ts` tries 500: these are others. */
const FIRST = 10_000

const files = oracleFiles().filter(({ refuses }) => refuses === undefined)

test.concurrent.each(Array.from({ length: FILES }, (_, index) => FIRST + index))(
  'mutated Keras file %i is compiled or refused in a sentence',
  async (number) => {
    const { mutant: tried, fault } = await judge(await mutant(files, number))
    expect(fault, tried.name).toBeUndefined()
  },
)
