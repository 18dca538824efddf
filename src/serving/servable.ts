import type { EnginePool } from '../engine/pool.ts'
import { type Deferred, deferred } from '../lib/deferred.ts'
import type { LocalVersion } from '../registry/source.ts'
import { Statistics } from './statistics.ts'

/** What a servable is asked, and answers. */
export type { EngineRequest, EngineResult } from '../engine/engine-child.ts'
export type { PoolResult } from '../engine/pool.ts'

/** A version that is loaded and can be lent to requests. */
export class Servable {
  readonly local: LocalVersion
  readonly pool: EnginePool
  readonly statistics = new Statistics()
  #leases = 0
  #returned: Deferred<void> | undefined

  constructor(local: LocalVersion, pool: EnginePool) {
    this.local = local
    this.pool = pool
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

  /** Lends the servable for as long as `use` runs: it is not unloaded before `use` settles. */
  async lend<T>(use: (servable: Servable) => Promise<T>): Promise<T> {
    this.#leases++
    try {
      return await use(this)
    } finally {
      this.#leases--
      if (this.#leases === 0) this.#returned?.resolve()
    }
  }

  /**
   * Waits until every loan is returned, at most `timeoutMs`, then ends the engines and removes
   * the local copy. The caller has taken it out of the route table. Answers how many loans were
   * cut off.
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
    await this.local.release()
    return leasesLeft
  }
}
