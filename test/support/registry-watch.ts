import { afterEach } from 'vitest'

import { DEFAULT_POLICY } from '../../src/domain/rollout-policy.ts'
import { openRegistry } from '../../src/registry/open-registry.ts'
import type { Aspired, AspiredVersion, RegistryProblem, Source } from '../../src/registry/source.ts'
import { type Settings, settingsSchema } from '../../src/wire/settings.ts'
import { temporaryDirectory } from './registry.ts'
import { waitFor } from './server.ts'

const open: Source[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()))
})

/** A source that is watched: everything it stated, in order. It is closed after the test. */
export class RegistryWatch {
  readonly source: Source
  readonly cacheDir: string
  readonly stated: Aspired[] = []
  readonly problems: RegistryProblem[]

  constructor(source: Source, cacheDir: string, problems: RegistryProblem[]) {
    this.source = source
    this.cacheDir = cacheDir
    this.problems = problems
  }

  static async open(registry: string, more: Partial<Settings> = {}): Promise<RegistryWatch> {
    const { cacheDir = temporaryDirectory() } = more
    const problems: RegistryProblem[] = []
    const given = { settleMs: 150, versionBytesMax: 1e9, ...more, registry, cacheDir }
    const { source } = await openRegistry(settingsSchema.parse(given), DEFAULT_POLICY, {
      onProblem: (problem) => problems.push(problem),
      onRecovered: () => {},
    })
    open.push(source)
    const watch = new RegistryWatch(source, cacheDir, problems)
    await source.start((aspired) => watch.stated.push(aspired))
    return watch
  }

  get aspired(): Aspired {
    const last = this.stated.at(-1)
    if (last === undefined) throw new Error('nothing was stated')
    return last
  }

  /** What is stated now: `['m/1', 'm/2']`. */
  get names(): string[] {
    return namesOf(this.aspired)
  }

  version(name: string): AspiredVersion {
    const [model = '', version] = name.split('/')
    const found = this.aspired.models.get(model)?.find((one) => one.version === Number(version))
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }

  /** Waits until exactly these are stated and nothing is pending. */
  async until(...names: string[]): Promise<void> {
    await waitFor(
      () => this.names.join() === names.join() && this.aspired.pending.length === 0,
      `[${names.join()}]`,
    )
  }

  /** Materialises a version; resolves with the text of its entry, and removes the copy. */
  async contentOf(name: string, read: (file: string) => string): Promise<string> {
    const local = await this.version(name).materialize(new AbortController().signal)
    const content = read(`${local.dir}/${local.entry}`)
    await local.release()
    return content
  }
}

export function namesOf({ models }: Aspired): string[] {
  return [...models.values()].flat().map(({ model, version }) => `${model}/${version}`)
}
