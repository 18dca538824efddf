import { CutoverError } from '../../domain/errors.ts'
import { Byte } from '../json/bytes.ts'
import { membersOf } from '../json/members.ts'
import type { JsonReader } from '../json/reader.ts'
import { PARAMETERS_MAX } from './limits.ts'

/** The protocol's int64 is a bigint here, its double a number. */
export type Parameter = boolean | string | bigint | number
export type Parameters = ReadonlyMap<string, Parameter>

export const NO_PARAMETERS: Parameters = new Map()

/** Reads an object of int64, double, bool and string values; null and containers are refused. */
export function readParameters(reader: JsonReader): Parameters {
  const parameters = new Map<string, Parameter>()
  let count = 0
  for (const name of membersOf(reader)) {
    // A name that comes again counts, too: this does not pause.
    if (count++ >= PARAMETERS_MAX) {
      throw new CutoverError('REQUEST_INVALID', `more than ${PARAMETERS_MAX} parameters`)
    }
    parameters.set(name, readParameter(reader, name))
  }
  return parameters
}

function readParameter(reader: JsonReader, name: string): Parameter {
  const first = reader.peek()
  if (first === Byte.Quote) return reader.string()
  if (reader.atNumber()) {
    const value = reader.number()
    if (!reader.isInteger) return value
    const integer = reader.integer()
    if (integer !== undefined) return integer
  } else if (first !== Byte.ObjectOpen && first !== Byte.ArrayOpen) {
    const word = reader.word()
    if (word === 'true' || word === 'false') return word === 'true'
  }
  throw new CutoverError(
    'REQUEST_INVALID',
    `parameter ${name} must be an integer, a number, a string, true or false`,
  )
}

/** Throws TENSOR_INVALID for a tensor that lies, or is to be put, in memory of the client. */
export function refuseSharedMemory(
  parameters: Parameters,
  kind: 'input' | 'output',
  name: string,
): void {
  if (!parameters.has('shared_memory_region')) return
  throw new CutoverError(
    'TENSOR_INVALID',
    `${kind} ${name}: this server shares no memory with its clients, data goes in the request ` +
      'and comes in the answer',
  )
}

/** Undefined when absent; throws REQUEST_INVALID when it is none. */
export function boolParameter(parameters: Parameters, name: string): boolean | undefined {
  const value = parameters.get(name)
  if (value === undefined || typeof value === 'boolean') return value
  throw new CutoverError('REQUEST_INVALID', `parameter ${name} must be true or false`)
}

/** Undefined when absent; throws REQUEST_INVALID when it is no integer from 0 on. */
export function countParameter(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name)
  if (value === undefined) return undefined
  if (typeof value === 'bigint' && value >= 0n) return Number(value)
  throw new CutoverError('REQUEST_INVALID', `parameter ${name} must be a whole number, 0 or more`)
}
