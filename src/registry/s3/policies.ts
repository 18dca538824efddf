import { messageOf } from '../../domain/errors.ts'
import {
  type ModelPolicy,
  parseModelPolicy,
  POLICY_BYTES_MAX,
  POLICY_FILE,
} from '../../wire/model-policy.ts'
import type { RegistryProblem } from '../source.ts'
import type { S3Bucket } from './bucket.ts'
import type { ListedObject } from './listing-page.ts'

import pLimit from 'p-limit'

const AT_ONCE = 16

interface KnownPolicy {
  readonly etag: string
  readonly policy: ModelPolicy
  /** Why it cannot be followed; what was there before is. */
  readonly problem: RegistryProblem | undefined
}

/** The model.json of every model of a bucket; one that did not change is not read again. */
export class Policies {
  readonly #bucket: S3Bucket
  #known = new Map<string, KnownPolicy>()

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket
  }

  get all(): ReadonlyMap<string, ModelPolicy> {
    return new Map([...this.#known].map(([model, { policy }]) => [model, policy]))
  }

  get problems(): readonly RegistryProblem[] {
    return [...this.#known.values()].flatMap(({ problem }) => problem ?? [])
  }

  /** What they were when the bucket was last read. */
  restore(policies: ReadonlyMap<string, ModelPolicy>): void {
    for (const [model, policy] of policies) {
      this.#known.set(model, { etag: '', policy, problem: undefined })
    }
  }

  /** Answers whether any changed. Throws REGISTRY_UNAVAILABLE, and then nothing has changed. */
  async read(listed: ReadonlyMap<string, ListedObject>, signal: AbortSignal): Promise<boolean> {
    const limit = pLimit(AT_ONCE)
    const isListed = (model: string) => listed.has(model)
    const changed = [...listed].filter(([model, { etag }]) => this.#known.get(model)?.etag !== etag)
    const isGone = [...this.#known.keys()].some((model) => !isListed(model))
    if (changed.length === 0 && !isGone) return false
    const read = await Promise.all(
      changed.map(([model, { etag }]) => limit(() => this.#readOne(model, etag, signal))),
    )
    const kept = [...this.#known].filter(([model]) => isListed(model))
    this.#known = new Map([...kept, ...read])
    return true
  }

  async #readOne(model: string, etag: string, signal: AbortSignal): Promise<[string, KnownPolicy]> {
    const key = `${model}/${POLICY_FILE}`
    const before = this.#known.get(model)?.policy ?? {}
    try {
      const found = await this.#bucket.get(key, signal, { bytesMax: POLICY_BYTES_MAX })
      // It went, or is being written: the next look sees what it became.
      if (found === undefined || found === 'changed') {
        return [model, { etag: '', policy: before, problem: undefined }]
      }
      return [model, { etag, policy: parseModelPolicy(found.body), problem: undefined }]
    } catch (error) {
      if (isAway(error)) throw error
      const path = `${this.#bucket.location.url}/${key}`
      return [model, { etag, policy: before, problem: { path, reason: messageOf(error) } }]
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'REGISTRY_UNAVAILABLE'
}
