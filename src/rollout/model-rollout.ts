import { randomUUID } from 'node:crypto'

import { CutoverError, messageOf } from '../domain/errors.ts'
import type { RolloutPolicy } from '../domain/rollout-policy.ts'
import type { Command, RolloutEvent, RolloutState, Trial, VersionRef } from '../domain/rollout.ts'
import type { RolloutStatus } from '../domain/rollout-status.ts'
import { backoffMs } from '../lib/backoff.ts'
import { Mutex } from '../lib/mutex.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'
import type { Outcome } from './block-recorder.ts'
import { type DocumentStore, readState, writeState } from './documents.ts'
import { isWhole } from './judge/evidence.ts'
import { initialRollout, nextStep } from './next-step.ts'
import { ReferenceSampler } from './reference-sampler.ts'
import { type Routing, routingOf } from './routing.ts'
import { ShadowRecorder } from './shadow-recorder.ts'
import type { StepInput, StepResult, VersionInfo } from './step.ts'
import { isQuarantined, isReady, substituteOf } from './target.ts'
import { trialOf, verdictOf, weightOf } from './trial.ts'
import { type Arm, TrialRecorder } from './trial-recorder.ts'

/** More transitions at once than this are a bug, or two servers that undo each other's. */
const STEPS_AT_ONCE_MAX = 50
/** A look without news costs nothing but this read. */
const FOLLOW_MS = 30_000
const RETRY = { firstMs: 500, maxMs: 30_000 }
/** Looks that nothing gave rise to are put off by up to this part of their delay, to be together. */
const TOGETHER = 0.1

/** What was decided, and from what. */
interface Step {
  readonly input: StepInput
  readonly result: StepResult
}

/** What a rollout needs of the server. */
export interface RolloutHost {
  readonly policy: () => RolloutPolicy
  readonly versions: () => readonly VersionInfo[]
  readonly route: (routing: Routing) => void
  readonly tell: (event: RolloutEvent) => void
  /** Called when something new keeps the rollout from going on. */
  readonly onProblem: (problem: string) => void
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
  /** When the state became what it is. */
  #movedAt = performance.now()
  #tag: string | undefined
  /** When the stored state was read last. */
  #readAt = -Infinity
  /** Takes traffic from the candidate and could not be stored yet: it is acted on all the same. */
  #unstored: RolloutState | undefined
  /** Was to be stored, and no answer came: it may have been. */
  #doubtful: Step | undefined
  #acted: { readonly state?: RolloutState; readonly policy?: RolloutPolicy } = {}
  /** Takes this server's traffic, which has no stable version to compare it with. */
  #substitute: VersionRef | undefined
  /** The state is the registry's, not only what this server last saw or made up. */
  #attached = false
  #problem: string | undefined
  /** The problem at the last look. */
  #told: string | undefined
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
    const state = this.#unstored ?? this.#state
    const trial = trialOf(state.phase)
    return {
      model: this.model,
      state,
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
    if (trial === undefined || this.#substitute !== undefined) return
    if (digest === trial.candidate.digest) this.#crashes.canary++
    else if (digest === this.#state.stable?.digest) this.#crashes.stable++
    else return
    this.#looks.runIn(0)
  }

  /**
   * Throws ROLLOUT_REFUSED with the reason, or REGISTRY_UNAVAILABLE: nothing was done then, unless
   * the sentence says that it may have been.
   */
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
      if (this.#isToAct()) this.#act()
      if (this.#attached) {
        await this.#follow()
        await this.#steps(undefined)
      } else this.#stepAlone()
      if (this.#attached) this.#failures = 0
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#retry(error)
    }
    if (this.#problem !== undefined && this.#problem !== this.#told) {
      this.#host.onProblem(this.#problem)
    }
    this.#told = this.#problem
  }

  #retry(error: unknown): void {
    this.#problem = messageOf(error)
    this.#failures++
    this.#looks.runIn(backoffMs(this.#failures, RETRY))
  }

  async #attach(): Promise<void> {
    try {
      await this.#reload()
      this.#attached = true
      this.#problem = undefined
    } catch (error) {
      this.#retry(error)
    }
  }

  async #reload(): Promise<void> {
    this.#readAt = performance.now()
    const stored = await readState(this.#host.store, this.model, this.#closing.signal)
    if (stored !== undefined && stored.tag !== this.#tag) {
      const doubtful = this.#doubtful
      this.#doubtful = undefined
      if (stored.state.nonce === doubtful?.result.state.nonce) this.#stored(doubtful)
      else this.#become(stored.state)
    }
    this.#tag = stored?.tag
  }

  /**
   * Now and then takes over what another server stored since, such as a command: a server with
   * nothing to decide would never hear of it. What cannot be read now can be later.
   */
  async #follow(): Promise<void> {
    const isFresh = performance.now() - this.#readAt < (this.#host.followMs ?? FOLLOW_MS)
    if (isFresh && this.#doubtful === undefined) return
    const before = this.#state
    await this.#reload().catch(() => undefined)
    if (this.#state !== before) this.#act()
  }

  #become(state: RolloutState): void {
    const before = this.#state.stable?.digest
    this.#state = state
    this.#movedAt = performance.now()
    const isSameTrial =
      this.#unstored !== undefined && trialOf(this.#unstored.phase)?.id === trialOf(state.phase)?.id
    if (!isSameTrial) this.#unstored = undefined
    if (state.stable?.digest !== before) this.#baseline = new ReferenceSampler()
  }

  /** Decides, stores and acts until there is nothing to do now. Answers why a command was refused. */
  async #steps(command: Command | undefined): Promise<string | undefined> {
    let pending = command
    const isDone = () => command !== undefined && pending === undefined
    for (let steps = 0; steps < STEPS_AT_ONCE_MAX; steps++) {
      const input = this.#input(pending)
      const result = nextStep(this.#state, input)
      if (result.refusal !== undefined) return result.refusal
      this.#problem = result.problem
      if (result.state === this.#state) {
        this.#taken(input)
        if (this.#unstored !== undefined) {
          this.#unstored = undefined
          this.#act()
        }
        this.#looks.runIn(together(result.lookAgainAfterMs))
        return undefined
      }
      try {
        if (!(await this.#store({ input, result }))) continue
      } catch (error) {
        if (!isDone()) throw error
        this.#retry(error)
        return undefined
      }
      pending = undefined
      this.#act()
      if (result.lookAgainAfterMs > 0) {
        this.#looks.runIn(result.lookAgainAfterMs)
        return undefined
      }
    }
    this.#looks.runIn(RETRY.firstMs)
    return undefined
  }

  /** False: it was decided on what is not the state any more; that is now what is stored. */
  async #store(step: Step): Promise<boolean> {
    const { input, result } = step
    const before = this.#state
    try {
      // What became of the last write comes first, or it would be said again on top of that.
      if (this.#doubtful !== undefined) await this.#reload()
      if (this.#state === before) await this.#write(step)
    } catch (error) {
      // Of a command that fails nothing is done: it is not decided again.
      if (input.command !== undefined) await this.#findOut(step, error)
      else {
        this.#takeTraffic(result.state)
        throw error
      }
    }
    if (this.#state !== result.state) {
      this.#act()
      return false
    }
    // Only a copy: without it a start during an outage has less to go by.
    await this.#mirror(result.state).catch(() => undefined)
    return true
  }

  async #write(step: Step): Promise<void> {
    this.#doubtful = step
    const { state } = step.result
    const tag = await writeState(this.#host.store, state, this.#tag, this.#closing.signal)
    // Another server was first.
    if (tag === undefined) return this.#reload()
    this.#tag = tag
    this.#stored(step)
  }

  #stored({ input, result }: Step): void {
    this.#doubtful = undefined
    this.#unstored = undefined
    this.#become(result.state)
    this.#taken(input)
    for (const event of result.events) this.#host.tell(event)
  }

  /** Whether a command was stored although its write failed: throws if not, or if nobody knows. */
  async #findOut(step: Step, error: unknown): Promise<void> {
    const isRead = await this.#reload().then(
      () => true,
      () => false,
    )
    if (this.#state === step.result.state) return
    this.#looks.runIn(0)
    if (isRead || this.#doubtful !== step) throw error
    const sentence = `${messageOf(error)}; it may have been done all the same`
    throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
  }

  /** A candidate that is found worse gets no more traffic from this server, stored or not. */
  #takeTraffic(state: RolloutState): void {
    if (weightOf(state.phase) >= weightOf(this.#state.phase)) return
    this.#unstored = state
    this.#act()
  }

  async #mirror(state: RolloutState): Promise<void> {
    const { signal } = this.#closing
    const { mirror } = this.#host
    const before = await mirror.read(this.model, signal)
    await writeState(mirror, state, before?.tag, signal)
  }

  /**
   * Without a registry nothing is decided but what to serve where nothing was, and that a candidate
   * gets no traffic any more.
   */
  #stepAlone(): void {
    if (this.#state.stable !== null) {
      this.#takeTraffic(nextStep(this.#state, this.#input(undefined)).state)
      return
    }
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
    const isOpen = trial !== undefined && (trial.reference === null || !isWhole(trial.reference))
    return {
      policy,
      versions: this.#host.versions(),
      blocks: [...this.trials.complete],
      unmovedMs: performance.now() - this.#movedAt,
      crashes: { ...this.#crashes },
      reference: isOpen ? this.#baseline.reference(policy.judge) : undefined,
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

  /** What `#act` goes by is not what it went by. */
  #isToAct(): boolean {
    const { state, policy } = this.#acted
    const substitute = substituteOf(this.#state, this.#host.versions())
    return (
      state !== this.#state ||
      policy !== this.#host.policy() ||
      substitute?.digest !== this.#substitute?.digest ||
      (this.#compared() !== undefined) !== (this.trials.traffic !== null)
    )
  }

  /** The trial, if requests are dealt to both versions now: what becomes of them tells them apart. */
  #compared(): Trial | undefined {
    const { phase, stable } = this.#state
    if (phase.kind !== 'shadow' && phase.kind !== 'canary' && phase.kind !== 'paused') {
      return undefined
    }
    const versions = this.#host.versions()
    const areReady = isReady(versions, phase.trial.candidate) && isReady(versions, stable)
    return areReady ? phase.trial : undefined
  }

  /** Makes the server do what the state says. */
  #act(): void {
    const policy = this.#host.policy()
    this.#acted = { state: this.#state, policy }
    const substitute = substituteOf(this.#state, this.#host.versions())
    this.#substitute = substitute
    const trial = this.#compared()
    this.trials.watch(
      trial === undefined
        ? undefined
        : {
            trial: trial.id,
            weight: weightOf(this.#state.phase),
            blockMs: policy.judge.blockMs,
            reference: trial.reference,
          },
    )
    const routing = routingOf(this.#unstored ?? this.#state, policy)
    const alone = { ...routing, stable: substitute ?? null, canary: null, shadow: null }
    this.#host.route(substitute === undefined ? routing : alone)
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
