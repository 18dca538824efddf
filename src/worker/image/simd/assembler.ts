// As much of WebAssembly's binary format as the kernels need: functions of 32-bit integers that
// work on a memory of their own with 128-bit vectors. An expression is its bytes; the operands of
// an operation come first, as the format has them. Opcodes are those of the WebAssembly
// specification, 2.0 (which has the fixed-width vector instructions).

export type Code = readonly number[]

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const I32 = 0x7f
const V128 = 0x7b
const EMPTY = 0x40

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  const rest = value >> 7
  const low = value & 0x7f
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
  return done ? [low] : [low | 0x80, ...signed(rest)]
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()]
}

function section(id: number, items: readonly Code[]): Code {
  const content = vector(items)
  return [id, ...unsigned(content.length), ...content]
}

function text(value: string): Code {
  return vector(Array.from(value, (character) => [character.charCodeAt(0)]))
}

/** An operation of the vector family on operands that are computed first. */
function simd(opcode: number, immediates: Code = []) {
  return (...operands: readonly Code[]): Code => [
    ...operands.flat(),
    0xfd,
    ...unsigned(opcode),
    ...immediates,
  ]
}

/** Alignment is a hint, and none is promised here: 2^0. */
function place(offset: number): Code {
  return [0, ...unsigned(offset)]
}

export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(value)],
  load: (address: Code, offset = 0): Code => [...address, 0x28, ...place(offset)],
  add: (a: Code, b: Code): Code => [...a, ...b, 0x6a],
  below: (a: Code, b: Code): Code => [...a, ...b, 0x49],
}

export const v128 = {
  load: (address: Code, offset = 0) => simd(0x00, place(offset))(address),
  /** Four bytes in every lane. */
  load32Splat: (address: Code, offset = 0) => simd(0x09, place(offset))(address),
  store: (address: Code, value: Code) => simd(0x0b, place(0))(address, value),
  store32Lane: (address: Code, value: Code, lane: number) =>
    simd(0x5a, [...place(0), lane])(address, value),
}

export const i8x16 = {
  /** Saturates eight and eight 16-bit integers to unsigned bytes. */
  narrow: simd(0x66),
}

export const i16x8 = {
  /** Eight bytes, widened. */
  load8x8: (address: Code, offset = 0) => simd(0x02, place(offset))(address),
  /** Saturates four and four 32-bit integers. */
  narrow: simd(0x85),
}

export const i32x4 = {
  splat: simd(0x11),
  extendLow: simd(0xa9),
  extendHigh: simd(0xaa),
  shiftRight: simd(0xac),
  add: simd(0xae),
  multiply: simd(0xb5),
}

export const f32x4 = {
  add: simd(0xe4),
  subtract: simd(0xe5),
  multiply: simd(0xe6),
  fromI32x4: simd(0xfa),
}

/** A local of the function being written: `x()` reads it, `x(value)` writes it. */
export type Local = (value?: Code) => Code

/** Repeats until the condition is false; the body runs at least once. */
export function repeatWhile(condition: Code, ...body: readonly Code[]): Code {
  return [0x03, EMPTY, ...body.flat(), ...condition, 0x0d, 0, 0x0b]
}

/** Moves a pointer on. */
export function advance(pointer: Local, by: Code): Code {
  return pointer(i32.add(pointer(), by))
}

export interface FunctionDefinition {
  readonly name: string
  readonly parameters: number
  readonly code: Code
}

/** A function of integers that answers nothing; `body` is given its locals. */
export function define<P extends string, I extends string, V extends string>(
  name: string,
  locals: {
    readonly parameters: readonly P[]
    readonly integers: readonly I[]
    readonly vectors: readonly V[]
  },
  body: (local: Readonly<Record<P | I | V, Local>>) => readonly Code[],
): FunctionDefinition {
  const { parameters, integers, vectors } = locals
  const names = [...parameters, ...integers, ...vectors]
  const accessors = names.map((local, index) => {
    const access: Local = (value) =>
      value === undefined ? [0x20, ...unsigned(index)] : [...value, 0x21, ...unsigned(index)]
    return [local, access] as const
  })
  const declarations = vector([
    [...unsigned(integers.length), I32],
    [...unsigned(vectors.length), V128],
  ])
  const statements = body(Object.fromEntries(accessors) as Record<P | I | V, Local>)
  const code = [...declarations, ...statements.flat(), 0x0b]
  return { name, parameters: parameters.length, code: [...unsigned(code.length), ...code] }
}

/** A module that exports the functions and a memory of one page that may grow to `pagesMax`. */
export function assemble(
  functions: readonly FunctionDefinition[],
  pagesMax: number,
): Uint8Array<ArrayBuffer> {
  const parameters = (count: number) => vector(Array.from({ length: count }, () => [I32]))
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(
      1,
      functions.map((f) => [0x60, ...parameters(f.parameters), 0]),
    ),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(5, [[1, 1, ...unsigned(pagesMax)]]),
    ...section(7, [
      [...text('memory'), 2, 0],
      ...functions.map((f, index) => [...text(f.name), 0, ...unsigned(index)]),
    ]),
    ...section(
      10,
      functions.map((f) => f.code),
    ),
  ])
}
