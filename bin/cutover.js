#!/usr/bin/env -S node --min-semi-space-size=4 --max-semi-space-size=4 --expose-gc
// The flags: request bodies lie outside of V8's heap, and V8 frees them when it collects the young
// generation. A small one is collected often and cheaply; with the default, bodies pile up until
// V8 collects everything (docs/decisions/0004).
//
// In a clone the compiled code may be missing or stale; in the published package there is no
// src/ and nothing to build.
import { existsSync } from 'node:fs'

if (existsSync(new URL('../src', import.meta.url))) {
  const { buildIfStale } = await import('../scripts/build.mjs')
  buildIfStale()
}
await import('../dist/cli/main.js')
