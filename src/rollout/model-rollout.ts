import { randomUUID } from 'node:crypto'

import { CutoverError, messageOf } from '../domain/errors.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type { Command, RolloutEvent, RolloutState } from '../domain/rollout.ts'
import type { RolloutStatus } from '../domain/rollout-status.ts'
import { backoffMs } from '../lib/backoff.ts'
import { Mutex } from '../lib/mutex.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'
import type { Outcome } from './block-recorder.ts'
import { type DocumentStore, readState, writeState } from './documents.ts'
import { initialRollout, nextStep } from './next-step.ts'
import { ReferenceSampler } from './reference-sampler.ts'
import { type Routing, routingOf } from './routing.ts'
import { ShadowRecorder } from './shadow-recorder.ts'
import type { StepInput, VersionInfo } from './step.ts'
import { isQuarantined } from './target.ts'
import { trialOf, verdictOf, weightOf } from './trial.ts'
import { type Arm, TrialRecorder } from './trial-recorder.ts'

/** More transitions at once than this are a bug, or two servers that undo each other's. */
const STEPS_AT_ONCE_MAX = 50
/** A look without news costs nothing but this read. */
const FOLLOW_MS = 30_000
const RETRY = { firstMs: 500, maxMs: 30_000 }
/** Looks that nothing gave rise to are put off by up to this part of their delay, to be together. */
const TOGETHER = 0.1

/** What a rollout needs of the server. */
export interface RolloutHost {
  readonly policy: () => RolloutPolicy
  readonly versions: () => readonly VersionInfo[]
  readonly route: (routing: Routing) => void
  readonly tell: (event: RolloutEvent) => void
  readonly store: DocumentStore
  /** The documents this server saw last, on its own disk: what it starts from without `store`. */
  readonly mirror: DocumentStore
  /** How old what was read may be, at the least, before a look reads it again. */
  readonly followMs?: number
}

/**
 * The reconcile loop of one model's rollout: looks, decides by `nextStep`, stores what was decided,
 * and only then acts on it. Whoever finds the stored state after a crash goes on from there, and
 * of two servers with one registry each follows what was stored first.
 */
export class ModelRollout {
  readonly model: string
  readonly trials: TrialRecorder
  #baseline = new ReferenceSampler()
  readonly shadows = new ShadowRecorder(() => this.#looks.runIn(0))
  readonly #host: RolloutHost
  readonly #mutex = new Mutex()
  readonly #closing = new AbortController()
  #state: RolloutState
  #tag: string | undefined
  /** When the stored state was read last. */
  #readAt = -Infinity
  /** Takes traffic from the candidate and could not be stored yet: it is acted on all the same. */
  #unstored: RolloutState | undefined
  #acted: { readonly state?: RolloutState; readonly policy?: RolloutPolicy } = {}
  /** The state is the registry's, not only what this server last saw or made up. */
  #attached = false
  #problem: string | undefined
  #failures = 0
  #crashes = { canary: 0, stable: 0 }
  readonly #looks = new RepeatedTask(() => this.#mutex.run(() => this.#look()))

  constructor(model: string, host: RolloutHost) {
    this.model = model
    this.#host = host
    this.#state = initialRollout(model, randomUUID())
    this.trials = new TrialRecorder(() => this.#looks.runIn(0))
  }

  get state(): RolloutState {
    return this.#state
  }

  get status(): RolloutStatus {
    const policy = this.#host.policy()
    const trial = trialOf(this.#state.phase)
    return {
      model: this.model,
      state: this.#state,
      policy,
      verdict: trial === undefined ? null : verdictOf(trial, policy),
      traffic: this.trials.traffic,
      problem: this.#problem ?? null,
    }
  }

  isQuarantined(digest: string): boolean {
    return isQuarantined(this.#state, digest)
  }

  /** Reads the state, or what this server last saw of it. Does not throw. */
  open(): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#attach()
      if (!this.#attached) {
        const seen = await readState(this.#host.mirror, this.model, this.#closing.signal).catch(
          () => undefined,
        )
        if (seen !== undefined) this.#state = seen.state
      }
      this.#act()
      this.#looks.runIn(0)
    })
  }

  /** Something changed: look at once. */
  changed(): void {
    this.#looks.runIn(0)
  }

  /**
   * Called when a request goes to a version by chance or by its sticky key; what it answers is
   * called when the request has ended.
   */
  dispatched(arm: Arm, digest: string): (outcome: Outcome) => void {
    const { phase, stable } = this.#state
    const trial = trialOf(phase)
    const isCompared = trial !== undefined && weightOf(phase) > 0
    const record = isCompared ? this.trials.begin(arm, trial.id) : undefined
    const isBaseline = arm === 'stable' && digest === stable?.digest
    return (outcome) => {
      record?.(outcome)
      if (isBaseline) this.#baseline.add(outcome)
    }
  }

  crashed(digest: string): void {
    const trial = trialOf(this.#state.phase)
    if (trial === undefined) return
    if (digest === trial.candidate.digest) this.#crashes.canary++
    else if (digest === this.#state.stable?.digest) this.#crashes.stable++
    else return
    this.#looks.runIn(0)
  }

  /** Throws ROLLOUT_REFUSED with the reason, or REGISTRY_UNAVAILABLE: nothing was done then. */
  command(command: Command): Promise<void> {
    return this.#mutex.run(async () => {
      if (!this.#attached) await this.#attach()
      if (!this.#attached) {
        throw new CutoverError('REGISTRY_UNAVAILABLE', this.#problem ?? 'its state is not known')
      }
      const refusal = await this.#steps(command)
      if (refusal !== undefined) throw new CutoverError('ROLLOUT_REFUSED', refusal)
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#looks.close()
    await this.#mutex.run(() => Promise.resolve())
  }

  async #look(): Promise<void> {
    if (this.#closing.signal.aborted) return
    try {
      if (!this.#attached) await this.#attach()
      const { state, policy } = this.#acted
      if (state !== this.#state || policy !== this.#host.policy()) this.#act()
      if (this.#attached) {
        await this.#follow()
        await this.#steps(undefined)
      } else this.#stepAlone()
      if (this.#attached) this.#failures = 0
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#problem = messageOf(error)
      this.#failures++
      this.#looks.runIn(backoffMs(this.#failures, RETRY))
    }
  }

  async #attach(): Promise<void> {
    try {
      await this.#reload()
      this.#attached = true
      this.#problem = undefined
    } catch (error) {
      this.#problem = messageOf(error)
      this.#failures++
      this.#looks.runIn(backoffMs(this.#failures, RETRY))
    }
  }

  async #reload(): Promise<void> {
    this.#readAt = performance.now()
    const stored = await readState(this.#host.store, this.model, this.#closing.signal)
    if (stored !== undefined && stored.tag !== this.#tag) this.#become(stored.state)
    this.#tag = stored?.tag
  }

  /**
   * Now and then takes over what another server stored since, such as a command: a server with
   * nothing to decide would never hear of it. What cannot be read now can be later.
   */
  async #follow(): Promise<void> {
    if (performance.now() - this.#readAt < (this.#host.followMs ?? FOLLOW_MS)) return
    const before = this.#state
    await this.#reload().catch(() => undefined)
    if (this.#state === before) return
    this.#unstored = undefined
    this.#act()
  }

  #become(state: RolloutState): void {
    const before = this.#state.stable?.digest
    this.#state = state
    if (state.stable?.digest !== before) this.#baseline = new ReferenceSampler()
  }

  /** Decides, stores and acts until there is nothing to do now. Answers why a command was refused. */
  async #steps(command: Command | undefined): Promise<string | undefined> {
    let pending = command
    for (let steps = 0; steps < STEPS_AT_ONCE_MAX; steps++) {
      const input = this.#input(pending)
      const result = nextStep(this.#state, input)
      if (result.refusal !== undefined) return result.refusal
      this.#problem = result.problem
      if (result.state === this.#state) {
        this.#taken(input)
        this.#looks.runIn(together(result.lookAgainAfterMs))
        return undefined
      }
      if (!(await this.#store(result.state, pending))) continue
      this.#taken(input)
      pending = undefined
      for (const event of result.events) this.#host.tell(event)
      this.#act()
      if (result.lookAgainAfterMs > 0) {
        this.#looks.runIn(result.lookAgainAfterMs)
        return undefined
      }
    }
    this.#looks.runIn(RETRY.firstMs)
    return undefined
  }

  /** False: another server was first; the state is now what that one stored. */
  async #store(state: RolloutState, command: Command | undefined): Promise<boolean> {
    const { signal } = this.#closing
    let tag: string | undefined
    try {
      tag = await writeState(this.#host.store, state, this.#tag, signal)
    } catch (error) {
      // A candidate that is found worse gets no more traffic from this server, stored or not. Of a
      // command that fails nothing is done: it is not decided again.
      if (command === undefined && weightOf(state.phase) < weightOf(this.#state.phase)) {
        this.#unstored = state
        this.#act()
      }
      throw error
    }
    this.#unstored = undefined
    if (tag === undefined) {
      await this.#reload()
      this.#act()
      return false
    }
    this.#become(state)
    this.#tag = tag
    // Only a copy: without it a start during an outage has less to go by.
    await this.#mirror(state).catch(() => undefined)
    return true
  }

  async #mirror(state: RolloutState): Promise<void> {
    const { signal } = this.#closing
    const { mirror } = this.#host
    const before = await mirror.read(this.model, signal)
    await writeState(mirror, state, before?.tag, signal)
  }

  /** Without a registry nothing is decided but what to serve where nothing was. */
  #stepAlone(): void {
    if (this.#state.stable !== null) return
    for (let steps = 0; steps < STEPS_AT_ONCE_MAX; steps++) {
      const input = this.#input(undefined)
      const policy = { ...input.policy, strategy: 'immediate' as const }
      const { state } = nextStep(this.#state, { ...input, policy })
      if (state === this.#state) return
      this.#state = state
      this.#act()
    }
  }

  #input(command: Command | undefined): StepInput {
    const policy = this.#host.policy()
    const trial = trialOf(this.#state.phase)
    return {
      policy,
      versions: this.#host.versions(),
      blocks: [...this.trials.complete],
      crashes: { ...this.#crashes },
      reference: trial?.reference === null ? this.#baseline.reference(policy.judge) : undefined,
      shadow: trial === undefined ? undefined : this.shadows.summaryOf(trial),
      command,
      now: new Date(),
      nonce: randomUUID(),
    }
  }

  /** What was decided upon is not told again. */
  #taken({ blocks, crashes }: StepInput): void {
    this.trials.drop(blocks)
    this.#crashes.canary -= crashes.canary
    this.#crashes.stable -= crashes.stable
  }

  /** Makes the server do what the state says. */
  #act(): void {
    const policy = this.#host.policy()
    this.#acted = { state: this.#state, policy }
    const { phase } = this.#state
    const trial = trialOf(phase)
    const isCompared = phase.kind === 'shadow' || phase.kind === 'canary' || phase.kind === 'paused'
    this.trials.watch(
      trial === undefined || !isCompared
        ? undefined
        : {
            trial: trial.id,
            weight: weightOf(phase),
            blockMs: policy.judge.blockMs,
            reference: trial.reference,
          },
    )
    this.#host.route(routingOf(this.#unstored ?? this.#state, policy))
  }
}

/**
 * The delay until the next moment that the looks of all models share: what it takes to wake a
 * process that sleeps is more than a look.
 */
function together(delayMs: number): number {
  const now = performance.now()
  const stepMs = Math.max(1, delayMs * TOGETHER)
  return Math.ceil((now + delayMs) / stepMs) * stepMs - now
}
