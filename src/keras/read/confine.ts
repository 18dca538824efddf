import path from 'node:path'

import { Module } from 'h5wasm/node'

/** WASI's number of ENOENT, as emscripten's system calls answer it. */
const NO_SUCH_FILE = 44

const allowed = new Set<string>()
let isInstalled = false

/**
 * From now on the HDF5 library opens this file and no other. HDF5 files can refer to files beside
 * them (external links, external storage, virtual datasets): a model from outside would bring the
 * bytes of any file of this machine into what is compiled. Returns what lifts it.
 */
export function confineTo(file: string): () => void {
  const absolute = path.resolve(file)
  allowed.add(absolute)
  if (!isInstalled) install()
  return () => allowed.delete(absolute)
}

function install(): void {
  isInstalled = true
  const { FS } = Module
  const open = FS.open.bind(FS)
  FS.open = (name, ...options) => {
    if (allowed.size === 0 || allowed.has(path.resolve(name))) return open(name, ...options)
    throw Object.assign(new Error(`${name} is another file`), {
      name: 'ErrnoError',
      errno: NO_SUCH_FILE,
    })
  }
}
