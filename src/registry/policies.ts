import pLimit from 'p-limit'

import { CutoverError, messageOf } from '../domain/errors.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import { describeBytes } from '../lib/describe-bytes.ts'
import { parsePolicy, POLICY_BYTES_MAX } from '../wire/policy.ts'
import type { RegistryProblem } from './source.ts'

const READS_AT_ONCE = 16
/** No read begins later in an update: a registry that answers too slowly is not waited for. */
const READS_MS_MAX = 60_000

/** A model.json as it was found: `state` changes when it does. */
export interface PolicyFile {
  readonly model: string
  /** For people. */
  readonly path: string
  readonly state: string
  readonly bytes: number
  /**
   * Undefined: it went meanwhile. Throws CONFIG_INVALID when it can be no policy, anything else
   * when it cannot be read now.
   */
  readonly read: () => Promise<Uint8Array | undefined>
}

interface KnownPolicy {
  /** Of the file when it was read last; undefined: it is to be read again. */
  readonly state: string | undefined
  readonly text: string
  readonly policy: RolloutPolicy
  readonly problem: RegistryProblem | undefined
}

/**
 * The policies of the models of a registry, by their model.json. One that did not change is not
 * read again; one that cannot be read or followed is a problem, and what was there before stays in
 * force. What is wrong with one concerns no other model.
 */
export class Policies {
  readonly #defaults: RolloutPolicy
  #known = new Map<string, KnownPolicy>()
  /** Of models whose model.json is there and was never read. */
  #unread = new Map<string, RegistryProblem>()
  /** The models that were admitted last. */
  #admitted: ReadonlySet<string> = new Set()

  constructor(defaults: RolloutPolicy) {
    this.#defaults = defaults
  }

  get all(): ReadonlyMap<string, RolloutPolicy> {
    return new Map([...this.#known].map(([model, { policy }]) => [model, policy]))
  }

  get problems(): readonly RegistryProblem[] {
    const ofKnown = [...this.#known.values()].flatMap(({ problem }) => problem ?? [])
    return [...ofKnown, ...this.#unread.values()]
  }

  /** The texts of all, for `restore`. */
  get texts(): ReadonlyMap<string, string> {
    return new Map([...this.#known].map(([model, { text }]) => [model, text]))
  }

  /** What was in force when the registry was last read, as far as it is still understood. */
  restore(texts: ReadonlyMap<string, string>): void {
    for (const [model, text] of texts) {
      try {
        const policy = parsePolicy(Buffer.from(text), this.#defaults)
        this.#known.set(model, { state: undefined, text, policy, problem: undefined })
      } catch {
        continue
      }
    }
  }

  /**
   * Takes what a look at the registry found. Of models that are `unreadable` nothing is known now,
   * and what is in force stays. Answers whether any text changed.
   */
  async update(files: readonly PolicyFile[], unreadable: readonly string[] = []): Promise<boolean> {
    const before = this.#known
    const there = new Set([...files.map(({ model }) => model), ...unreadable])
    const known = new Map([...before].filter(([model]) => there.has(model)))
    const unread = new Map([...this.#unread].filter(([model]) => unreadable.includes(model)))
    const limit = pLimit(READS_AT_ONCE)
    const deadlineMs = performance.now() + READS_MS_MAX
    const readOne = async (file: PolicyFile) => {
      const { model, path, state } = file
      const was = before.get(model)
      try {
        const found = await this.#read(file, deadlineMs)
        // It went, or is being written: the next look sees what it became.
        if (found !== undefined) known.set(model, { state, ...found, problem: undefined })
      } catch (error) {
        if (error instanceof CutoverError && error.code === 'CONFIG_INVALID') {
          const { text = '{}', policy = this.#defaults } = was ?? {}
          known.set(model, { state, text, policy, problem: { path, reason: messageOf(error) } })
          return
        }
        const isInForce = was !== undefined || this.#admitted.has(model)
        const effect = isInForce ? 'what was in force stays so' : 'its model has to wait for it'
        const problem = { path, reason: `cannot be read, and ${effect}: ${messageOf(error)}` }
        if (was !== undefined) known.set(model, { ...was, state: undefined, problem })
        else unread.set(model, problem)
      }
    }
    const changed = files.filter(({ model, state }) => before.get(model)?.state !== state)
    await Promise.all(changed.map((file) => limit(() => readOne(file))))
    this.#known = known
    this.#unread = unread
    const isSame = ([model, { text }]: [string, KnownPolicy]) => before.get(model)?.text === text
    return known.size !== before.size || ![...known].every(isSame)
  }

  /**
   * All but the models that may be pinned, which is not known as their model.json was never read.
   * What was admitted before it was there stays.
   */
  admit<T>(models: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
    const isAdmitted = (model: string) => !this.#unread.has(model) || this.#admitted.has(model)
    const admitted = new Map([...models].filter(([model]) => isAdmitted(model)))
    this.#admitted = new Set(admitted.keys())
    return admitted
  }

  async #read(
    { bytes, read }: PolicyFile,
    deadlineMs: number,
  ): Promise<Pick<KnownPolicy, 'text' | 'policy'> | undefined> {
    if (bytes > POLICY_BYTES_MAX) {
      const sentence = `is larger than ${describeBytes(POLICY_BYTES_MAX)}`
      throw new CutoverError('CONFIG_INVALID', sentence)
    }
    if (performance.now() > deadlineMs) throw new Error('other models took too long')
    const found = await read()
    if (found === undefined) return undefined
    const text = Buffer.from(found).toString('utf8')
    return { text, policy: parsePolicy(found, this.#defaults) }
  }
}
