#!/usr/bin/env node
// In a clone the compiled code may be missing or stale; in the published package there is no
// src/ and nothing to build.
import { existsSync } from 'node:fs'

if (existsSync(new URL('../src', import.meta.url))) {
  const { buildIfStale } = await import('../scripts/build.mjs')
  buildIfStale()
}
await import('../dist/cli/main.js')
