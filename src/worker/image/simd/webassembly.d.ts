// Node has WebAssembly, but its types come with the browser's library alone: what is used of it.
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>
  }
  interface Memory {
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => Module
  const Instance: new (module: Module) => Instance
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean
}
