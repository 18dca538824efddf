import type { InferenceSession } from 'onnxruntime-node'

import type { NamedTensors } from '../../../domain/tensor.ts'
import { Mutex } from '../../../lib/mutex.ts'

/** What a GPU's memory is to hold of one model, at the most. */
const SESSIONS_MAX = 6

/**
 * One session for each set of input shapes.
 *
 * On CUDA a convolution plans itself for the shape of its input, in up to a second for a whole
 * network, and keeps no plan but the last (`Conv::UpdateState` in onnxruntime's conv.cc; issue 23006):
 * a session that gets batches of 1 and of 8 in turns plans at every run. So each keeps to its shape, and
 * of more shapes than there may be sessions the one that was not asked for the longest gives way. There
 * may be six, or as many as could be opened: another shape then costs planning, not the GPU.
 */
export class SessionPerShape {
  readonly #open: () => Promise<InferenceSession>
  /** By their shapes, the one that was asked for last at the end. */
  readonly #sessions = new Map<string, InferenceSession>()
  /** Runs are synchronous anyway, and a session must not be released under one. */
  readonly #running = new Mutex()
  #sessionsMax = SESSIONS_MAX
  /** Opened already, and no run has made its shape its own. */
  #spare: InferenceSession | undefined

  constructor(first: InferenceSession, open: () => Promise<InferenceSession>) {
    this.#spare = first
    this.#open = open
  }

  run<T>(inputs: NamedTensors, use: (session: InferenceSession) => Promise<T>): Promise<T> {
    return this.#running.run(async () => use(await this.#sessionFor(shapesOf(inputs))))
  }

  async release(): Promise<void> {
    await this.#running.run(async () => {
      for (const session of this.#sessions.values()) await session.release()
      await this.#spare?.release()
    })
  }

  async #sessionFor(shapes: string): Promise<InferenceSession> {
    const session = this.#sessions.get(shapes) ?? (await this.#another())
    this.#sessions.delete(shapes)
    this.#sessions.set(shapes, session)
    return session
  }

  async #another(): Promise<InferenceSession> {
    if (this.#spare !== undefined) {
      const spare = this.#spare
      this.#spare = undefined
      return spare
    }
    const [oldest] = this.#sessions
    if (oldest === undefined || this.#sessions.size < this.#sessionsMax) {
      try {
        return await this.#open()
      } catch (error) {
        if (oldest === undefined) throw error
        this.#sessionsMax = this.#sessions.size
      }
    }
    const [shapes, session] = oldest
    this.#sessions.delete(shapes)
    // Its memory and its weights are as good as those of a new one.
    return session
  }
}

function shapesOf(inputs: NamedTensors): string {
  let text = ''
  for (const [name, { shape }] of inputs) text += `${name} ${shape.join(' ')}\n`
  return text
}
