import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, test } from 'vitest'

import { resolveSettings } from '../../src/cli/resolve-settings.ts'
import { temporaryDirectory } from '../support/registry.ts'

const BIN = fileURLToPath(new URL('../../bin/cutover.js', import.meta.url))
const run = promisify(execFile)

function cutover(...args: string[]) {
  return run(process.execPath, [BIN, ...args], { timeout: 120_000 }).catch(
    (error: { code: number; stderr: string; stdout: string }) => error,
  )
}

function configFile(content: string): string {
  const file = path.join(temporaryDirectory(), 'cutover.json')
  writeFileSync(file, content)
  return file
}

const nothing = { flags: {}, env: {}, configFile: undefined }

describe('settings', () => {
  test('have defaults', () => {
    expect(resolveSettings(nothing)).toMatchObject({
      registry: './models',
      host: '0.0.0.0',
      port: 5000,
      bodyBytesMax: 16 * 1024 ** 2,
      accessLog: false,
    })
  })

  test('a flag wins over the environment, that over the file', () => {
    const file = configFile('{"port": 1, "queueLengthMax": 2, "logLevel": "warn"}')
    const env = { CUTOVER_PORT: '3', CUTOVER_QUEUE_LENGTH_MAX: '4' }
    const settings = resolveSettings({ flags: { port: '5' }, env, configFile: file })
    expect(settings).toMatchObject({ port: 5, queueLengthMax: 4, logLevel: 'warn' })
  })

  test('what Kubernetes sets beside services of these names is no setting', () => {
    const env = {
      CUTOVER_PORT: 'tcp://10.96.0.12:5000',
      CUTOVER_PORT_5000_TCP: 'tcp://10.96.0.12:5000',
      CUTOVER_PORT_5000_TCP_ADDR: '10.96.0.12',
      CUTOVER_SERVICE_HOST: '10.96.0.12',
      CUTOVER_SERVICE_PORT: '5000',
      CUTOVER_ADMIN_PORT: 'tcp://[fd00::12]:80',
      CUTOVER_GRPC_PORT: 'udp://10.96.0.13:8001',
    }
    const file = configFile('{"port": 8080}')
    const settings = resolveSettings({ flags: {}, env, configFile: file })
    expect(settings).toMatchObject({ port: 8080, adminPort: 5001, grpcPort: 8001 })
  })

  test('the file can be named by the environment', () => {
    const env = { CUTOVER_CONFIG: configFile('{"accessLog": true}') }
    expect(resolveSettings({ ...nothing, env }).accessLog).toBe(true)
  })

  test.each([
    ['100', 100],
    ['2KB', 2000],
    ['1 MiB', 1024 ** 2],
    ['3gib', 3 * 1024 ** 3],
  ])('bytes may have a unit: %s', (value, bytes) => {
    const env = { CUTOVER_BODY_BYTES_MAX: value }
    expect(resolveSettings({ ...nothing, env }).bodyBytesMax).toBe(bytes)
  })

  test.each([
    [{ CUTOVER_PORT: 'abc' }, 'CUTOVER_PORT: expected a whole number from 0 to 65535, not "abc"'],
    [{ CUTOVER_PORT: '70000' }, 'CUTOVER_PORT: expected a whole number from 0 to 65535'],
    [{ CUTOVER_RUN_TIMEOUT_MS: '0' }, 'CUTOVER_RUN_TIMEOUT_MS: expected a whole number from 1 to'],
    [{ CUTOVER_BODY_TIMEOUT_MS: '0' }, 'CUTOVER_BODY_TIMEOUT_MS: expected a whole number from 1'],
    [{ CUTOVER_ENGINES: '1.5' }, 'CUTOVER_ENGINES: expected a whole number'],
    [{ CUTOVER_BODY_BYTES_MAX: '5 apples' }, 'CUTOVER_BODY_BYTES_MAX: expected bytes'],
    [{ CUTOVER_ACCESS_LOG: 'maybe' }, 'CUTOVER_ACCESS_LOG: expected true or false, not "maybe"'],
    [{ CUTOVER_LOG_LEVEL: 'loud' }, 'CUTOVER_LOG_LEVEL: '],
    [{ CUTOVER_DEFAULT_MODEL: '../x' }, 'CUTOVER_DEFAULT_MODEL: expected the name of a model'],
  ])('a bad variable is named: %j', (env, sentence) => {
    expect(() => resolveSettings({ ...nothing, env })).toThrow(sentence)
  })

  test.each([
    [
      { CUTOVER_ADMIN_TOKEN: 'short-secret' },
      'CUTOVER_ADMIN_TOKEN: expected at least 16 characters',
    ],
    [{ CUTOVER_WEBHOOK_SECRET: 'short-secret' }, 'CUTOVER_WEBHOOK_SECRET: expected at least 16'],
    [{ CUTOVER_WEBHOOK_URLS: 'ftp://x/short-secret' }, 'CUTOVER_WEBHOOK_URLS: expected at most 10'],
  ])('a secret is not shown: %j', (env, sentence) => {
    const resolve = () => resolveSettings({ ...nothing, env })
    expect(resolve).toThrow(sentence)
    expect(resolve).not.toThrow('short-secret')
  })

  test.each([
    ['{"prot": 5000}', 'prot: there is no such setting'],
    ['{"port": "x"}', 'port in '],
    ['[1]', 'expected a JSON object'],
    ['{', 'the config file'],
  ])('a bad file is named: %s', (content, sentence) => {
    const file = configFile(content)
    expect(() => resolveSettings({ ...nothing, configFile: file })).toThrow(sentence)
  })

  test('a file that is not there', () => {
    expect(() => resolveSettings({ ...nothing, configFile: '/absent.json' })).toThrow(
      '/absent.json',
    )
  })
})

describe('the command', () => {
  test('shows every setting in its help', async () => {
    const { stdout } = await cutover('serve', '--help')
    for (const flag of ['--port', '--engines', '--body-bytes-max', '--access-log', '--config']) {
      expect(stdout).toContain(flag)
    }
  })

  test('ends with 2 and a sentence on a bad flag', async () => {
    const result = await cutover('serve', '--port', 'x')
    expect(result).toMatchObject({ code: 2 })
    expect(result.stderr).toBe(
      'cutover: --port: expected a whole number from 0 to 65535, not "x"\n',
    )
  })

  test('ends with 2 and a sentence where the registry is named twice', async () => {
    const result = await cutover('serve', 'models', '--registry', 'models')
    expect(result).toMatchObject({
      code: 2,
      stderr: 'cutover: give [path] or --registry, not both\n',
    })
  })

  test('ends with 2 and a sentence on a path that is not there', async () => {
    const result = await cutover('serve', '/absent', '--port', '0')
    expect(result).toMatchObject({ code: 2 })
    expect(result.stderr).toContain('/absent')
  })
})
