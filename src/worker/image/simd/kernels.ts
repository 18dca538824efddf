import { PRECISION_BITS } from '../pillow-windows.ts'
import {
  advance,
  assemble,
  type Code,
  define,
  f32x4,
  i16x8,
  i32,
  i32x4,
  i8x16,
  repeatWhile,
  v128,
} from './assembler.ts'

/** Bytes a kernel may read or write beyond the end of a row: what a vector holds more than needed. */
export const SLACK_BYTES = 16

/** One column of a bilinear blend: byte offsets left and right, share of the right (float32). */
export const TAP_BYTES = 12

/** Four weights are applied at a time: a window's weights are filled up with zeros. */
export const WEIGHTS_STEP = 4

const PAGE_BYTES = 65_536
/** What an engine process may come to hold; a larger image is resized in JavaScript. */
export const MEMORY_BYTES_MAX = 32 * 1024 * 1024

/** All arguments are addresses or bytes in `memory`; every loop runs at least once. */
export interface Kernels {
  /** Makes sure of `bytes` bytes and answers a view of them: the last one may be detached. */
  readonly memory: (bytes: number) => DataView<ArrayBuffer>
  /**
   * One row of the TensorFlow resize: the taps up to `tapsEnd` applied to the source rows `top` and
   * `bottom`, which are blended by the float32 at `blend`. `affine` is four gains and four biases.
   * A pixel's channels go to `red`, `green` and `blue`, which then move on by `stride`.
   */
  readonly blendRow: (
    top: number,
    bottom: number,
    taps: number,
    tapsEnd: number,
    blend: number,
    affine: number,
    red: number,
    green: number,
    blue: number,
    stride: number,
  ) => void
  /** Bytes of RGB from `from` to `fromEnd` as float32, through `affine`, placed as by blendRow. */
  readonly packRow: (
    from: number,
    fromEnd: number,
    affine: number,
    red: number,
    green: number,
    blue: number,
    stride: number,
  ) => void
  /**
   * One row of Pillow's horizontal pass. A window is the byte offset of its first pixel and then
   * `weightBytes` of int32 weights.
   */
  readonly convolveRow: (
    row: number,
    windows: number,
    windowsEnd: number,
    weightBytes: number,
    to: number,
  ) => void
  /** One row of Pillow's vertical pass: rows `stride` apart, a weight each. */
  readonly convolveColumn: (
    rows: number,
    stride: number,
    weights: number,
    weightsEnd: number,
    to: number,
    toEnd: number,
  ) => void
}

/** Red, green and blue at an address, and one lane to ignore. */
function pixel(address: Code, offset = 0): Code {
  return i32x4.extendLow(i16x8.load8x8(address, offset))
}

function lerp(from: Code, to: Code, share: Code): Code {
  return f32x4.add(from, f32x4.multiply(f32x4.subtract(to, from), share))
}

const HALF = i32x4.splat(i32.constant(1 << (PRECISION_BITS - 1)))

function toBytes(sums: Code): Code {
  const values = i32x4.shiftRight(sums, i32.constant(PRECISION_BITS))
  return i8x16.narrow(i16x8.narrow(values, values), i16x8.narrow(values, values))
}

const blendRow = define(
  'blendRow',
  {
    parameters: [
      'top',
      'bottom',
      'taps',
      'tapsEnd',
      'blend',
      'affine',
      'red',
      'green',
      'blue',
      'stride',
    ],
    integers: ['left', 'right'],
    vectors: ['u', 'v', 'a', 'b', 'corner', 'gain', 'bias'],
  },
  (l) => [
    l.v(v128.load32Splat(l.blend())),
    l.gain(v128.load(l.affine())),
    l.bias(v128.load(l.affine(), 16)),
    repeatWhile(
      i32.below(l.taps(), l.tapsEnd()),
      l.left(i32.load(l.taps())),
      l.right(i32.load(l.taps(), 4)),
      l.u(v128.load32Splat(l.taps(), 8)),
      l.corner(f32x4.fromI32x4(pixel(i32.add(l.top(), l.left())))),
      l.a(f32x4.fromI32x4(pixel(i32.add(l.top(), l.right())))),
      l.a(lerp(l.corner(), l.a(), l.u())),
      l.corner(f32x4.fromI32x4(pixel(i32.add(l.bottom(), l.left())))),
      l.b(f32x4.fromI32x4(pixel(i32.add(l.bottom(), l.right())))),
      l.b(lerp(l.corner(), l.b(), l.u())),
      l.a(lerp(l.a(), l.b(), l.v())),
      l.a(f32x4.add(f32x4.multiply(l.a(), l.gain()), l.bias())),
      v128.store32Lane(l.red(), l.a(), 0),
      v128.store32Lane(l.green(), l.a(), 1),
      v128.store32Lane(l.blue(), l.a(), 2),
      advance(l.red, l.stride()),
      advance(l.green, l.stride()),
      advance(l.blue, l.stride()),
      advance(l.taps, i32.constant(TAP_BYTES)),
    ),
  ],
)

const packRow = define(
  'packRow',
  {
    parameters: ['from', 'fromEnd', 'affine', 'red', 'green', 'blue', 'stride'],
    integers: [],
    vectors: ['value', 'gain', 'bias'],
  },
  (l) => [
    l.gain(v128.load(l.affine())),
    l.bias(v128.load(l.affine(), 16)),
    repeatWhile(
      i32.below(l.from(), l.fromEnd()),
      l.value(f32x4.multiply(f32x4.fromI32x4(pixel(l.from())), l.gain())),
      l.value(f32x4.add(l.value(), l.bias())),
      v128.store32Lane(l.red(), l.value(), 0),
      v128.store32Lane(l.green(), l.value(), 1),
      v128.store32Lane(l.blue(), l.value(), 2),
      advance(l.red, l.stride()),
      advance(l.green, l.stride()),
      advance(l.blue, l.stride()),
      advance(l.from, i32.constant(3)),
    ),
  ],
)

const convolveRow = define(
  'convolveRow',
  {
    parameters: ['row', 'windows', 'windowsEnd', 'weightBytes', 'to'],
    integers: ['from', 'end'],
    vectors: ['sums'],
  },
  (l) => [
    repeatWhile(
      i32.below(l.windows(), l.windowsEnd()),
      l.from(i32.add(l.row(), i32.load(l.windows()))),
      advance(l.windows, i32.constant(4)),
      l.end(i32.add(l.windows(), l.weightBytes())),
      l.sums(HALF),
      repeatWhile(
        i32.below(l.windows(), l.end()),
        ...Array.from({ length: WEIGHTS_STEP }, (_, k) =>
          l.sums(
            i32x4.add(
              l.sums(),
              i32x4.multiply(pixel(l.from(), k * 3), v128.load32Splat(l.windows(), k * 4)),
            ),
          ),
        ),
        advance(l.from, i32.constant(WEIGHTS_STEP * 3)),
        advance(l.windows, i32.constant(WEIGHTS_STEP * 4)),
      ),
      // The fourth byte is the next pixel's, which is written next.
      v128.store32Lane(l.to(), toBytes(l.sums()), 0),
      advance(l.to, i32.constant(3)),
    ),
  ],
)

const convolveColumn = define(
  'convolveColumn',
  {
    parameters: ['rows', 'stride', 'weights', 'weightsEnd', 'to', 'toEnd'],
    integers: ['from', 'weight'],
    vectors: ['low', 'high', 'eight', 'factor'],
  },
  (l) => [
    repeatWhile(
      i32.below(l.to(), l.toEnd()),
      l.low(HALF),
      l.high(HALF),
      l.from(l.rows()),
      l.weight(l.weights()),
      repeatWhile(
        i32.below(l.weight(), l.weightsEnd()),
        l.eight(i16x8.load8x8(l.from())),
        l.factor(v128.load32Splat(l.weight())),
        l.low(i32x4.add(l.low(), i32x4.multiply(i32x4.extendLow(l.eight()), l.factor()))),
        l.high(i32x4.add(l.high(), i32x4.multiply(i32x4.extendHigh(l.eight()), l.factor()))),
        advance(l.from, l.stride()),
        advance(l.weight, i32.constant(4)),
      ),
      v128.store32Lane(l.to(), toBytes(l.low()), 0),
      v128.store32Lane(i32.add(l.to(), i32.constant(4)), toBytes(l.high()), 0),
      advance(l.rows, i32.constant(8)),
      advance(l.to, i32.constant(8)),
    ),
  ],
)

let loaded: { readonly kernels: Kernels | undefined } | undefined

/** The kernels, compiled on first use; undefined on a processor without vectors. */
export function loadKernels(): Kernels | undefined {
  loaded ??= { kernels: compile() }
  return loaded.kernels
}

function compile(): Kernels | undefined {
  const bytes = assemble(
    [blendRow, packRow, convolveRow, convolveColumn],
    MEMORY_BYTES_MAX / PAGE_BYTES,
  )
  if (!WebAssembly.validate(bytes)) return undefined
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  const memory = exports['memory'] as WebAssembly.Memory
  let view = new DataView(memory.buffer)
  return {
    ...(exports as unknown as Omit<Kernels, 'memory'>),
    memory(needed) {
      const missing = needed - view.byteLength
      if (missing > 0) {
        memory.grow(Math.ceil(missing / PAGE_BYTES))
        view = new DataView(memory.buffer)
      }
      return view
    },
  }
}
