import { isBatched } from '../domain/signature.ts'
import type { EnginePool } from '../engine/pool.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import type { LocalVersion } from '../registry/source.ts'
import { Statistics } from './statistics.ts'

/** What a servable is asked, and answers. */
export type { RunRequest, RunResult } from '../wire/run-message.ts'
export {
  DeadlineInEngine,
  GivenUpInEngine,
  LeftToStandIn,
  type PoolResult,
} from '../engine/pool.ts'

/** A version that is loaded and that requests can borrow. */
export class Servable {
  readonly local: LocalVersion
  readonly pool: EnginePool
  readonly statistics = new Statistics()
  /** The first dimension of every tensor is a batch: the signature shows it, or the manifest says it. */
  readonly isBatched: boolean
  #leases = 0
  #returned: Deferred<void> | undefined

  constructor(local: LocalVersion, pool: EnginePool) {
    this.local = local
    this.pool = pool
    this.isBatched = local.manifest.batching !== undefined || isBatched(pool.info.signature)
  }

  get model(): string {
    return this.local.model
  }

  get version(): number {
    return this.local.version
  }

  get leases(): number {
    return this.#leases
  }

  /** Until it is given back it is not unloaded. */
  borrow(): void {
    this.#leases++
  }

  /** Once for each time it was borrowed. */
  giveBack(): void {
    this.#leases--
    if (this.#leases === 0) this.#returned?.resolve()
  }

  /**
   * Waits until every loan is returned, at most `timeoutMs`, then ends the engines. The caller has
   * taken it out of the route table, and releases its local copy afterwards. Answers how many loans
   * were cut off.
   */
  async retire(timeoutMs: number): Promise<number> {
    if (this.#leases > 0) {
      this.#returned = deferred()
      const timer = setTimeout(() => this.#returned?.resolve(), timeoutMs)
      await this.#returned.promise
      clearTimeout(timer)
    }
    const leasesLeft = this.#leases
    await this.pool.close()
    return leasesLeft
  }
}
