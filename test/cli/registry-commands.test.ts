import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

import { describe, expect, test, type TestContext } from 'vitest'

import { initialRollout } from '../../src/rollout/next-step.ts'
import { newTrial } from '../../src/rollout/trial.ts'
import { cutover, start } from '../support/cutover.ts'
import {
  type BucketRegistry,
  bucketRegistry,
  type CommandRegistry,
  folderRegistry,
  intactManifest,
  on,
} from '../support/registries.ts'
import { fixture, temporaryDirectory } from '../support/registry.ts'
import { entryOf, networkBytes } from '../support/s3-registry.ts'

interface EditableRegistry extends CommandRegistry {
  /** Where the state of the rollout of `m` lies. */
  readonly control: string
  write(file: string, text: string | Buffer): void
  delete(file: string): void
}

async function folder(): Promise<EditableRegistry> {
  const registry = folderRegistry()
  const at = (file: string) => path.join(registry.url, file)
  return {
    ...registry,
    control: 'm/control/state.1.json',
    write: (file, text) => {
      mkdirSync(path.dirname(at(file)), { recursive: true })
      writeFileSync(at(file), text)
    },
    delete: (file) => rmSync(at(file)),
  }
}

async function bucket(): Promise<EditableRegistry & BucketRegistry> {
  const registry = await bucketRegistry()
  const { s3 } = registry.bucket
  return {
    ...registry,
    control: 'm/control/state.json',
    write: (file, text) => s3.objects.put(registry.bucket.key(file), text),
    delete: (file) => s3.objects.delete(registry.bucket.key(file)),
  }
}

function stateOf(stable: number, candidate?: number): string {
  const ref = (version: number) => ({ version, digest: `d${version}` })
  const state = { ...initialRollout('m', 'n0'), stable: ref(stable) }
  if (candidate === undefined) return JSON.stringify(state)
  const trial = newTrial(ref(candidate), { nonce: 't0', now: new Date() })
  return JSON.stringify({ ...state, phase: { kind: 'staged', trial } })
}

const KINDS: [name: string, make: () => Promise<EditableRegistry>][] = [
  ['a folder', folder],
  ['a bucket', bucket],
]

/** A registry with the versions 1…count of m, each with a network of its own. */
async function filled<Registry extends EditableRegistry>(
  make: () => Promise<Registry>,
  count: number,
): Promise<Registry> {
  const registry = await make()
  for (let version = 1; version <= count; version++) {
    const name = `class-${version}.onnx`
    const bytes = networkBytes(`class-${version}`)
    const annotations = { n: String(version) }
    const manifest = { version, format: 'onnx', files: [entryOf(name, bytes)], annotations }
    registry.write(`m/${version}/${name}`, bytes)
    registry.write(`m/${version}/manifest.json`, JSON.stringify(manifest))
  }
  return registry
}

async function jsonOf(registry: CommandRegistry, ...args: string[]): Promise<unknown> {
  const { stdout } = await on(registry, ...args, '--json')
  return JSON.parse(stdout)
}

const versionsIn = (registry: CommandRegistry) =>
  registry.files().filter((file) => file.endsWith('/manifest.json'))

describe.concurrent.each(KINDS)('on %s', (_name, make) => {
  test('list and show tell what is there, for people and for scripts', async () => {
    const registry = await filled(make, 2)
    registry.write('m/model.json', '{"pin": 1}')
    registry.write(registry.control, stateOf(2))
    const listed = await on(registry, 'list')
    expect(listed).toMatchObject({ code: 0, stderr: '' })
    expect(listed.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['MODEL', 'VERSION', 'STATE', 'SIZE', 'ROLE'],
      ['m', '1', 'complete', '373 bytes', 'pinned'],
      ['m', '2', 'complete', '373 bytes', 'stable'],
      [''],
    ])
    expect(await jsonOf(registry, 'list', 'm')).toMatchObject({
      versions: [{ model: 'm', version: 1, files: 1, bytes: 373, roles: ['pinned'] }, {}],
    })
    expect(await jsonOf(registry, 'show', 'm')).toMatchObject({
      version: 2,
      roles: ['stable'],
      manifest: { format: 'onnx', annotations: { n: '2' } },
    })
    const shown = await on(registry, 'show', 'm/1')
    expect(shown.stdout).toMatch(/version +1, pinned\n/)
    expect(shown.stdout).toMatch(/ n +1\n/)
    expect(shown.stdout).toMatch(/class-1\.onnx +373 bytes +[0-9a-f]{64}\n/)
  })

  test('verify of a registry without a version says so', async () => {
    const registry = await make()
    const { code, stdout, stderr } = await on(registry, 'verify')
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr: `cutover: there is no version in ${registry.url}\n`,
    })
  })

  test('verify names what is missing, corrupt and unlisted', async () => {
    const registry = await filled(make, 5)
    expect(await on(registry, 'verify')).toMatchObject({ code: 0 })
    registry.delete('m/1/class-1.onnx')
    registry.write('m/2/class-2.onnx', 'short')
    registry.write('m/3/class-3.onnx', 'x'.repeat(373))
    registry.write('m/4/manifest.json', '{"files": 3}')
    registry.write('m/5/extra.txt', 'more')
    const ended = await on(registry, 'verify')
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/m\/1: wrong\n {2}class-1\.onnx: is missing\n/)
    expect(ended.stdout).toMatch(/m\/2: wrong\n {2}class-2\.onnx: has 5 bytes, not 373\n/)
    expect(ended.stdout).toMatch(/m\/3: wrong\n {2}class-3\.onnx: has the sha256 .{64}, not/)
    expect(ended.stdout).toMatch(/m\/4: wrong\n {2}manifest\.json: .*expected a list of files/)
    expect(ended.stdout).toMatch(/m\/5: right\n {2}extra\.txt: not in the manifest/)
    expect(await on(registry, 'verify', 'm/5')).toMatchObject({ code: 0 })
    expect(await jsonOf(registry, 'verify', 'm/1')).toMatchObject({
      versions: [{ state: 'wrong', problems: [{ kind: 'missing', path: 'class-1.onnx' }] }],
    })
    // A whole file that says it is another's.
    registry.write(
      'm/5/manifest.json',
      JSON.stringify({ ...(await manifestOf(registry, 5)), version: 4 }),
    )
    expect((await on(registry, 'verify', 'm/5')).stdout).toContain('but lies in m/5')
  })

  test('prune deletes the oldest, never what is in use', async () => {
    const registry = await filled(make, 5)
    registry.write('m/model.json', '{"pin": 1}')
    registry.write(registry.control, stateOf(2, 3))
    const dry = await on(registry, 'prune', '--keep', '1', '--dry-run')
    expect(dry.stdout).toMatch(/^would delete m version 4 \(\d+ bytes\)\n$/)
    expect(versionsIn(registry)).toHaveLength(5)
    expect(await jsonOf(registry, 'prune', '--keep', '1')).toMatchObject({
      deleted: [{ model: 'm', version: 4 }],
    })
    expect(registry.files().some((file) => file.startsWith('m/4/'))).toBe(false)
    registry.delete('m/model.json')
    registry.delete(registry.control)
    expect(await on(registry, 'prune', '--keep', '2', '--model', 'm')).toMatchObject({ code: 0 })
    expect(versionsIn(registry)).toEqual(['m/3/manifest.json', 'm/5/manifest.json'])
    expect((await on(registry, 'prune', '--keep', '2')).stdout).toBe('there is nothing to delete\n')
    await intactManifest(registry, 'm/5')
  })

  test('prune deletes nothing where it cannot tell what is in use', async () => {
    const registry = await filled(make, 3)
    for (const [file, text] of [
      [registry.control, '{'],
      [registry.control, '[]'],
      [registry.control, '{"stable": 3}'],
      [registry.control, stateOf(3).replace('"version":3', '"version":"3"')],
      ['m/model.json', '{"pin": "three"}'],
    ] as const) {
      registry.write(file, text)
      const ended = await on(registry, 'prune', '--keep', '1')
      expect(ended.code).toBe(1)
      expect(ended.stderr).toMatch(/^cutover: what is in use of m is not known: .*\n$/)
      expect(versionsIn(registry)).toHaveLength(3)
      registry.delete(file)
    }
  })

  test('what is named and not there is said so, and usage is told from failure', async () => {
    const registry = await filled(make, 1)
    for (const args of [
      ['show', 'other'],
      ['show', 'm/2'],
      ['verify', 'm/2'],
      ['list', 'other'],
    ]) {
      const ended = await on(registry, ...args)
      expect(ended.code).toBe(1)
      expect(ended.stderr).toMatch(/^cutover: there is no .* in .*\n$/)
    }
    for (const args of [
      ['show', '../m'],
      ['show', 'm/x'],
      ['show', 'm/1/2'],
      ['prune', '--keep', '0'],
      ['prune'],
    ]) {
      expect(await on(registry, ...args)).toMatchObject({ code: 2 })
    }
  })
})

async function manifestOf(registry: CommandRegistry, version: number): Promise<object> {
  const bytes = await registry.read(`m/${version}/manifest.json`)
  return JSON.parse(String(bytes)) as object
}

describe.concurrent('a folder in which a version cannot be read', () => {
  /** The paths of what lies in it are longer than the system takes: not even root reads them. */
  async function unreadable({ onTestFinished }: TestContext): Promise<CommandRegistry> {
    const registry = await filled(folder, 1)
    const dir = path.join(registry.url, 'other', '1')
    mkdirSync(dir, { recursive: true })
    const script = 'for i in $(seq 20); do mkdir "$1" && cd -P "$1" || exit 1; done'
    execFileSync('sh', ['-c', script, '', 'x'.repeat(250)], { cwd: dir })
    onTestFinished(() => void execFileSync('rm', ['-rf', dir]))
    return registry
  }

  test('verify says so, checks the others, and fails', async (context) => {
    const registry = await unreadable(context)
    const ended = await on(registry, 'verify')
    expect(ended.stdout).toBe('m/1: right\n')
    expect(ended.stderr).toMatch(/^cutover: .*\/other\/1: ENAMETOOLONG/)
    expect(ended.code).toBe(1)
    expect(await jsonOf(registry, 'verify')).toMatchObject({
      versions: [{ model: 'm', state: 'right' }],
      problems: [{ path: path.join(registry.url, 'other/1') }],
    })
    expect(await on(registry, 'verify', 'm')).toMatchObject({ code: 0, stderr: '' })
    const named = await on(registry, 'verify', 'other')
    expect(named).toMatchObject({ code: 1, stderr: expect.stringContaining('ENAMETOOLONG') })
  })

  test('a manifest that is a link is wrong, and the others are checked', async () => {
    const registry = await filled(folder, 2)
    const manifest = path.join(registry.url, 'm', '1', 'manifest.json')
    renameSync(manifest, path.join(registry.url, 'elsewhere.json'))
    symlinkSync('../../elsewhere.json', manifest)
    const ended = await on(registry, 'verify')
    expect(ended.stdout).toMatch(
      /^m\/1: wrong\n {2}manifest\.json: .* is a link .*\nm\/2: right\n$/,
    )
    expect(ended.code).toBe(1)
  })

  test('other models are published and pruned', async (context) => {
    const registry = await unreadable(context)
    const args = ['--model', 'm', '--no-verify']
    const published = await on(registry, 'publish', fixture('models/class-2.onnx'), ...args)
    expect(published).toMatchObject({ code: 0 })
    expect(await on(registry, 'prune', '--keep', '1')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^deleted m version 1 /),
      stderr: expect.stringContaining('ENAMETOOLONG'),
    })
    expect(await registry.read('m/1/manifest.json')).toBe(undefined)
    await intactManifest(registry, 'm/2')
  })
})

describe.concurrent('what a bucket may hold', () => {
  test('keys and manifests from strangers never reach a terminal as they are', async () => {
    const registry = await filled(bucket, 1)
    const evil = '\u001b[2J\u202efdp'
    registry.write(`bad${evil}/1/manifest.json`, '{}')
    registry.write(`m/1/${evil}.bin`, 'x')
    const manifest = await manifestOf(registry, 1)
    registry.write(
      'm/2/manifest.json',
      JSON.stringify({ ...manifest, version: 2, annotations: { [evil]: evil } }),
    )
    for (const args of [['list'], ['show', 'm/2'], ['verify'], ['prune', '--keep', '1']]) {
      const { stdout, stderr } = await on(registry, ...args)
      for (const character of ['\u001b', '\u202e']) {
        expect(`${stdout}${stderr}`).not.toContain(character)
      }
    }
    expect((await on(registry, 'show', 'm/2')).stdout).toContain('\\u{1b}[2J\\u{202e}fdp')
  })

  test('an upload without a manifest is listed as incomplete, and left alone', async () => {
    const registry = await filled(bucket, 2)
    registry.write('m/3/model.onnx', 'x')
    registry.write('m/0001/manifest.json', '{}')
    const listed = await on(registry, 'list')
    expect(listed.stdout).toMatch(/^m +3 +incomplete +1 bytes$/m)
    expect(listed.stderr).toMatch(/\/m\/0001: is not a version/)
    await on(registry, 'prune', '--keep', '1')
    expect(registry.files()).toContain('m/3/model.onnx')
  })

  test('prune deletes the manifest first, so that what is interrupted is no version', async () => {
    const registry = await filled(bucket, 2)
    const { s3 } = registry.bucket
    s3.inject({ operation: 'delete', after: 1, effect: { kind: 'error', code: 'AccessDenied' } })
    expect(await on(registry, 'prune', '--keep', '1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the credentials need s3:DeleteObject (403'),
    })
    expect(registry.files()).toEqual(['m/1/class-1.onnx', 'm/2/class-2.onnx', 'm/2/manifest.json'])
  })

  test('what an interrupted prune left is deleted a day later, and no upload that may go on', async () => {
    const registry = await filled(bucket, 3)
    const { s3 } = registry.bucket
    const put = (file: string, hoursAgo: number) =>
      s3.objects.put(registry.bucket.key(file), 'x', new Date(Date.now() - hoursAgo * 3600_000))
    registry.delete('m/1/manifest.json')
    put('m/1/class-1.onnx', 25)
    put('m/2/class-2.onnx', 25)
    put('m/4/model.onnx', 25)
    registry.delete('m/2/manifest.json')
    // Something was added to it within the day.
    put('m/2/more.bin', 23)
    const dry = await on(registry, 'prune', '--keep', '1', '--dry-run')
    expect(dry.stdout).toBe('would delete what was left of m version 1 (1 bytes)\n')
    expect(await jsonOf(registry, 'prune', '--keep', '1')).toMatchObject({
      deleted: [{ model: 'm', version: 1, bytes: 1 }],
    })
    expect(registry.files()).toEqual([
      'm/2/class-2.onnx',
      'm/2/more.bin',
      'm/3/class-3.onnx',
      'm/3/manifest.json',
      'm/4/model.onnx',
    ])
  })
})

test('a command whose output nobody reads ends without a word', async () => {
  const registry = await filled(folder, 1)
  const { process, ended } = start(['list', '--registry', registry.url])
  process.stdout?.destroy()
  expect(await ended).toMatchObject({ code: 1, stderr: '' })
})

describe.concurrent('cutover manifest', () => {
  test('writes what a publisher without cutover uploads last', async () => {
    const dir = temporaryDirectory()
    copyFileSync(fixture('models/class-1.onnx'), path.join(dir, 'model.onnx'))
    writeFileSync(path.join(dir, 'labels.json'), '["a"]')
    const printed = await cutover(['manifest', dir, '--annotate', 'git=1'])
    expect(printed).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(printed.stdout)).toMatchObject({
      format: 'onnx',
      labels: 'labels.json',
      annotations: { git: '1' },
    })
    const file = path.join(dir, 'manifest.json')
    for (let again = 0; again < 2; again++) {
      const args = ['-o', file, '--model', 'm', '--version', '4', '--json']
      const written = await cutover(['manifest', dir, ...args])
      expect(JSON.parse(written.stdout)).toMatchObject({ output: file })
    }
    // By hand, as any tool does it.
    const registry = await bucket()
    for (const name of ['model.onnx', 'labels.json', 'manifest.json']) {
      registry.write(`m/4/${name}`, readFileSync(path.join(dir, name)))
    }
    expect((await on(registry, 'verify', 'm/4')).stdout).toBe('m/4: right\n')
    expect(await cutover(['manifest', dir, '-o', '/no/where.json'])).toMatchObject({ code: 2 })
    expect(await cutover(['manifest', '/no/where'])).toMatchObject({ code: 2 })
  })
})
