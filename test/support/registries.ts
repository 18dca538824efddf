import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { expect } from 'vitest'

import { parseManifest } from '../../src/wire/manifest.ts'
import { cutover, type Ended } from './cutover.ts'
import { temporaryDirectory } from './registry.ts'
import { entryOf, TestBucket } from './s3-registry.ts'
import { startFakeS3 } from './s3/start.ts'

/** A registry that commands are run on, of whichever kind. */
export interface CommandRegistry {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  /** What lies at a path; undefined: nothing. */
  read(file: string): Promise<Buffer | undefined>
  /** Every file, but hidden ones. */
  files(): readonly string[]
}

export function folderRegistry(): CommandRegistry {
  const url = temporaryDirectory()
  return {
    url,
    env: {},
    async read(file) {
      const full = path.join(url, file)
      return existsSync(full) ? readFileSync(full) : undefined
    },
    files: () =>
      readdirSync(url, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(url, path.join(entry.parentPath, entry.name)))
        .filter((file) => !file.split('/').some((part) => part.startsWith('.')))
        .sort(),
  }
}

export interface BucketRegistry extends CommandRegistry {
  readonly bucket: TestBucket
}

export async function bucketRegistry(): Promise<BucketRegistry> {
  const bucket = new TestBucket(await startFakeS3())
  const prefix = bucket.key('')
  return {
    bucket,
    url: bucket.url,
    env: bucket.s3.env,
    read: (file) => bucket.s3.objects.get(bucket.key(file)),
    files: () => bucket.s3.objects.list(prefix).map((key) => key.slice(prefix.length)),
  }
}

/** Runs a command on a registry. */
export function on(registry: CommandRegistry, ...args: string[]): Promise<Ended> {
  return cutover([...args, '--registry', registry.url], registry.env)
}

/** The manifest of a version, once each of its files was seen to be what it says. */
export async function intactManifest(registry: CommandRegistry, version: string) {
  const text = await registry.read(`${version}/manifest.json`)
  const manifest = parseManifest(text ?? Buffer.from(''))
  for (const { path, ...promised } of manifest.files) {
    const { path: _path, ...found } = entryOf(
      path,
      (await registry.read(`${version}/${path}`)) ?? Buffer.from(''),
    )
    expect({ path, ...found }).toEqual({ path, ...promised })
  }
  return manifest
}
