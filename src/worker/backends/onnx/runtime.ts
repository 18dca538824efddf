import { createRequire } from 'node:module'

import type * as OnnxRuntime from 'onnxruntime-node'

export type Runtime = typeof OnnxRuntime & { readonly version: string }

/**
 * Loads onnxruntime-node on first use. On Node 24 and later its float16 support breaks when it
 * sees the global Float16Array (it then counts bytes as elements), so the global is out of sight
 * while the runtime decides how to carry float16: as Uint16Array.
 */
export async function loadRuntime(): Promise<Runtime> {
  const float16Array = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array')
  if (float16Array !== undefined) Reflect.deleteProperty(globalThis, 'Float16Array')
  try {
    const runtime = await import('onnxruntime-node')
    // The runtime decides when it makes its first float16 tensor.
    void new runtime.Tensor('float16', new Uint16Array(1), [1])
    const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as {
      version: string
    }
    return Object.assign(Object.create(runtime) as typeof OnnxRuntime, { version })
  } finally {
    if (float16Array !== undefined) {
      Object.defineProperty(globalThis, 'Float16Array', float16Array)
    }
  }
}
