import type { Block } from '../../src/domain/evidence.ts'
import type { Command, RolloutState } from '../../src/domain/rollout.ts'
import { DEFAULT_POLICY, type RolloutPolicy } from '../../src/domain/rollout-policy.ts'
import { initialRollout, nextStep } from '../../src/rollout/next-step.ts'
import type { StepInput, StepResult, VersionInfo } from '../../src/rollout/step.ts'
import { trialOf, weightOf } from '../../src/rollout/trial.ts'
import { encodeRolloutState, parseRolloutState } from '../../src/wire/rollout-state.ts'
import { arm } from './blocks.ts'

/** A rollout of the model `flowers` and the world that it sees. */
export class RolloutBench {
  policy: RolloutPolicy
  versions: VersionInfo[] = []
  state: RolloutState = initialRollout('flowers', 'n0')
  readonly texts: string[] = []
  readonly kinds: string[] = []
  last: StepResult | undefined
  now = new Date('2026-01-01T00:00:00Z')
  #nonces = 0

  constructor(policy: Partial<RolloutPolicy> = {}) {
    this.policy = { ...DEFAULT_POLICY, ...policy }
  }

  /** A rollout whose version 7 is stable and whose version 8 has just got its first weight. */
  static inCanary(policy: Partial<RolloutPolicy> = {}): RolloutBench {
    const bench = new RolloutBench(policy)
    bench.offer(7)
    bench.settle()
    bench.offer(8)
    bench.settle()
    return bench
  }

  offer(version: number, more: Partial<VersionInfo> = {}): void {
    this.versions = this.versions.filter((each) => each.version !== version)
    this.versions.push({ version, digest: `d${version}`, aspired: true, status: 'ready', ...more })
  }

  remove(version: number): void {
    this.versions = this.versions.filter((each) => each.version !== version)
  }

  step(input: Partial<StepInput> = {}): StepResult {
    const result = nextStep(this.state, {
      policy: this.policy,
      versions: this.versions,
      blocks: [],
      unmovedMs: 0,
      crashes: { canary: 0, stable: 0 },
      now: this.now,
      nonce: `n${++this.#nonces}`,
      ...input,
    })
    // What is stored is what is gone on with.
    this.state = parseRolloutState(encodeRolloutState(result.state), 'state.json')
    this.texts.push(...result.events.map(({ text }) => text))
    this.kinds.push(...result.events.map(({ kind }) => kind.replace('rollout.', '')))
    this.last = result
    return result
  }

  /** Steps until there is nothing to do at once. */
  settle(input: Partial<StepInput> = {}): StepResult {
    let result = this.step(input)
    for (let i = 0; i < 20 && result.lookAgainAfterMs === 0; i++) result = this.step()
    return result
  }

  command(command: Command extends infer C ? (C extends Command ? Omit<C, 'by'> : never) : never) {
    return this.settle({
      command: { ...command, by: { who: 'ann', reason: 'why not' } } as Command,
    })
  }

  /** A block of the present trial in which `canary` and `stable` requests had so many errors. */
  block(canary: [number, number?], stable: [number, number?], more: Partial<Block> = {}): Block {
    return {
      trial: trialOf(this.state.phase)?.id ?? '',
      weight: weightOf(this.state.phase),
      durationMs: 60_000,
      canary: arm(canary[0], { errors: canary[1] ?? 0 }),
      stable: arm(stable[0], { errors: stable[1] ?? 0 }),
      ...more,
    }
  }

  /** One that satisfies every step and shows no difference. */
  goodBlock(): Block {
    return this.block([1000], [1000], { durationMs: 600_000 })
  }

  get phase(): string {
    const { kind } = this.state.phase
    return kind === 'canary' || kind === 'paused' ? `${kind} ${weightOf(this.state.phase)}` : kind
  }
}
