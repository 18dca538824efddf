import type { EngineInfo } from '../wire/engine-protocol.ts'
import type { RunRequest } from '../wire/run-message.ts'
import { EngineChild, type EngineEnding, type EngineOptions, type RunEnd } from './engine-child.ts'

/**
 * One child process with one loaded model.
 *
 * Guarantees: a request is answered, or rejected when its time is over or the process ends,
 * whichever comes first; a process that overruns a request is killed, because nothing else stops
 * a model that does not return; `ended` resolves exactly once, after the process is gone.
 */
export class Engine {
  readonly info: EngineInfo
  readonly ended: Promise<EngineEnding>
  readonly pid: number
  readonly #child: EngineChild

  private constructor(child: EngineChild, info: EngineInfo) {
    this.#child = child
    this.info = info
    this.ended = child.ended.promise
    this.pid = child.pid
  }

  /**
   * Starts a process and resolves when the model is loaded and warm. The process begins to load
   * once `after` resolves; until then it only gets ready to. Rejects with the code that the process
   * gave, with ENGINE_CRASHED or ENGINE_TIMEOUT, or as `after` does; the process is then gone.
   */
  static async start(
    options: EngineOptions,
    signal: AbortSignal,
    after: Promise<unknown> = Promise.resolve(),
  ): Promise<Engine> {
    signal.throwIfAborted()
    const child = new EngineChild(options)
    const abort = () => child.kill({ kind: 'closed' })
    signal.addEventListener('abort', abort, { once: true })
    try {
      await after.catch((error: unknown) => {
        abort()
        throw error
      })
      return new Engine(child, await child.load(options))
    } catch (error) {
      await child.ended.promise
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** False from the moment its end is decided: nothing more is to be sent to it. */
  get alive(): boolean {
    return this.#child.alive
  }

  /**
   * Answers a request, by a call of `onEnd` after this has returned: with the answer, the engine's
   * own error for the request, ENGINE_TIMEOUT when it took too long (the process is killed), or
   * ENGINE_CRASHED.
   */
  run(request: RunRequest, alone: boolean, onEnd: (end: RunEnd) => void): void {
    this.#child.run(request, alone, onEnd)
  }

  /** Asks the process to end, insists after a grace, and resolves when it is gone. */
  async close(): Promise<void> {
    this.#child.close()
    await this.ended
  }
}
