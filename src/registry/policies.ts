import pLimit from 'p-limit'

import { messageOf } from '../domain/errors.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import { parsePolicy } from '../wire/policy.ts'
import type { RegistryProblem } from './source.ts'

const READS_AT_ONCE = 16

/** A model.json as it was found: `state` changes when it does. */
export interface PolicyFile {
  readonly model: string
  /** For people. */
  readonly path: string
  readonly state: string
  readonly read: () => Promise<Uint8Array | undefined>
}

interface KnownPolicy {
  readonly state: string
  readonly text: string
  readonly policy: RolloutPolicy
  readonly problem: RegistryProblem | undefined
}

/**
 * The policies of the models of a registry, by their model.json. One that did not change is not
 * read again; one that cannot be followed is a problem, and what was there before stays in force.
 */
export class Policies {
  readonly #defaults: RolloutPolicy
  #known = new Map<string, KnownPolicy>()

  constructor(defaults: RolloutPolicy) {
    this.#defaults = defaults
  }

  get all(): ReadonlyMap<string, RolloutPolicy> {
    return new Map([...this.#known].map(([model, { policy }]) => [model, policy]))
  }

  get problems(): readonly RegistryProblem[] {
    return [...this.#known.values()].flatMap(({ problem }) => problem ?? [])
  }

  /** The texts of all, for `restore`. */
  get texts(): ReadonlyMap<string, string> {
    return new Map([...this.#known].map(([model, { text }]) => [model, text]))
  }

  /** What was in force when the registry was last read. */
  restore(texts: ReadonlyMap<string, string>): void {
    for (const [model, text] of texts) this.#known.set(model, this.#parsed(model, '', '', text))
  }

  /** Answers whether any changed. Throws what `read` throws, and then nothing has changed. */
  async update(files: readonly PolicyFile[]): Promise<boolean> {
    const listed = new Set(files.map(({ model }) => model))
    const changed = files.filter(({ model, state }) => this.#known.get(model)?.state !== state)
    const isGone = [...this.#known.keys()].some((model) => !listed.has(model))
    if (changed.length === 0 && !isGone) return false
    const next = new Map([...this.#known].filter(([model]) => listed.has(model)))
    const limit = pLimit(READS_AT_ONCE)
    const readOne = async ({ model, path, state, read }: PolicyFile) => {
      const bytes = await read()
      // It went, or is being written: the next look sees what it became.
      if (bytes === undefined) return
      const text = Buffer.from(bytes).toString('utf8')
      next.set(model, this.#parsed(model, path, state, text))
    }
    await Promise.all(changed.map((file) => limit(() => readOne(file))))
    this.#known = next
    return true
  }

  #parsed(model: string, path: string, state: string, text: string): KnownPolicy {
    try {
      const policy = parsePolicy(Buffer.from(text), this.#defaults)
      return { state, text, policy, problem: undefined }
    } catch (error) {
      const before = this.#known.get(model)
      return {
        state,
        text: before?.text ?? '{}',
        policy: before?.policy ?? this.#defaults,
        problem: { path, reason: messageOf(error) },
      }
    }
  }
}
