import { CutoverError, messageOf } from '../domain/errors.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'
import { systemCode } from '../lib/system-error.ts'
import type { CacheDir } from './cache-dir.ts'
import { type Scan, scanFolder } from './folder-scan.ts'
import { FolderVersion } from './folder-version.ts'
import type { Layout } from './layout.ts'
import { Policies } from './policies.ts'
import { type Problems, tellNew } from './problems.ts'
import type { Aspired, RegistryProblem, Source, SourceStatus } from './source.ts'
import { type TreeWatcher, watchTree } from './tree-watcher.ts'

/** Who wants a look waits for as long: however many do, there is not more than one in so long. */
const LOOK_DELAY_MS = 500
/** Changes come in swarms: one look serves all that come within this time. */
const HINT_DELAY_MS = 50
/** How often to look although nothing hinted at a change: hints get lost. */
const RESCAN_MS = 30_000
/** The same where nothing can hint. */
const POLL_MS = 1_000

export interface FolderSourceOptions {
  readonly layout: Layout
  /** Where versions are copied to. It is closed with the source. */
  readonly cache: CacheDir
  readonly bytesMax: number
  /** For how long the files of a version without a manifest must be still. */
  readonly settleMs: number
  /** Look every second instead of watching: network file systems tell of no changes. */
  readonly polling: boolean
  /** Of models that state none. */
  readonly policy: RolloutPolicy
  /** Called once per problem, and again when one that was gone is back. */
  readonly onProblem: (problem: RegistryProblem) => void
}

/**
 * The versions in a folder. A look at the folder is the truth; what the system says of changes is
 * only a hint to look.
 */
export class FolderSource implements Source {
  readonly #options: FolderSourceOptions
  readonly #policies: Policies
  #listener: (aspired: Aspired) => void = () => {}
  #scan: Scan | undefined
  #emitted = ''
  #problems: Problems = new Map()
  #lastSuccessAt: Date | undefined
  #watcher: TreeWatcher | undefined
  #watchProblem: RegistryProblem | undefined
  /** A hint that comes during a look arranges the next one. */
  readonly #looks = new RepeatedTask(() => this.#look())

  constructor(options: FolderSourceOptions) {
    this.#options = options
    this.#policies = new Policies(options.policy)
  }

  get status(): SourceStatus {
    const { root } = this.#options.layout
    const problems = [...this.#problems.values()]
    const lost =
      this.#scan?.rootLost === true ? problems.find(({ path }) => path === root) : undefined
    return {
      location: root,
      lastSuccessAt: this.#lastSuccessAt,
      unavailable: lost?.reason,
      problems,
    }
  }

  look(): Promise<void> {
    return this.#looks.next(LOOK_DELAY_MS)
  }

  hint(): void {
    this.#looks.runIn(HINT_DELAY_MS)
  }

  /** Throws CONFIG_INVALID when the folder cannot be read. */
  async start(listener: (aspired: Aspired) => void): Promise<void> {
    this.#listener = listener
    await this.#looks.run()
  }

  async close(): Promise<void> {
    await this.#looks.close()
    await this.#watcher?.close()
    await this.#options.cache.close()
  }

  async #look(): Promise<void> {
    const before = this.#scan
    const scan = await this.#scanned(before)
    if (this.#looks.closed) return
    this.#scan = scan
    if (!scan.rootLost) this.#lastSuccessAt = new Date()
    const isAnother = before === undefined || before.rootLost || !isSame(before.root, scan.root)
    if (isAnother && !scan.rootLost) await this.#watch()
    await this.#policies.update(scan.policies, scan.unreadable)
    this.#emit(scan.aspired)
    const isBlind = this.#watcher === undefined || scan.rootLost
    // A timer may fire a little early: not a second time at once.
    const dueInMs = Math.max(scan.dueInMs, this.#options.settleMs / 10)
    this.#looks.runIn(Math.min(dueInMs, isBlind ? POLL_MS : RESCAN_MS))
  }

  async #scanned(previous: Scan | undefined): Promise<Scan> {
    const { layout, cache, bytesMax, settleMs } = this.#options
    try {
      return await scanFolder(
        layout,
        {
          settleMs,
          offer: (place, fingerprint) => new FolderVersion(place, fingerprint, { cache, bytesMax }),
        },
        previous,
      )
    } catch (error) {
      throw new CutoverError('CONFIG_INVALID', `cannot read ${layout.root}: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }

  /** Watches the root as it is now; the same path may have become another directory. */
  async #watch(): Promise<void> {
    await this.#watcher?.close()
    this.#watcher = undefined
    if (this.#options.polling || this.#watchProblem !== undefined) return
    try {
      this.#watcher = await watchTree(this.#options.layout, {
        onHint: () => this.hint(),
        onFailure: (error) => this.#giveUpWatching(error),
      })
    } catch (error) {
      this.#giveUpWatching(error)
    }
  }

  #giveUpWatching(error: unknown): void {
    const isFull = ['ENOSPC', 'EMFILE'].includes(systemCode(error) ?? '')
    const advice = isFull ? ' (raise fs.inotify.max_user_watches and max_user_instances)' : ''
    this.#watchProblem = {
      path: this.#options.layout.root,
      reason: `cannot be watched, so it is looked at every second: ${messageOf(error)}${advice}`,
    }
    const watcher = this.#watcher
    this.#watcher = undefined
    void watcher?.close()
    this.#looks.runIn(0)
  }

  #emit({ models: found, pending, problems: inScan }: Scan['aspired']): void {
    const models = this.#policies.admit(found)
    const ofWatch = this.#watchProblem === undefined ? [] : [this.#watchProblem]
    const problems = [...ofWatch, ...inScan, ...this.#policies.problems]
    this.#problems = tellNew(problems, this.#problems, this.#options.onProblem)
    const offered = [...models.values()].flat().map((version) => ({ ...version }))
    const texts = [...this.#policies.texts]
    const text = JSON.stringify({ offered, pending, problems, texts })
    if (text === this.#emitted) return
    this.#emitted = text
    this.#listener({ models, pending, policies: this.#policies.all, problems })
  }
}

/** A directory that is removed and made again often gets its old number. */
function isSame(a: Scan['root'], b: Scan['root']): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.birthtimeMs === b.birthtimeMs
}
