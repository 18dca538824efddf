import { z } from 'zod'

import { CutoverError, isErrorCode, messageOf } from '../domain/errors.ts'
import type { RolloutReport } from '../domain/rollout-status.ts'

const TIMEOUT_MS = 10_000

/** Enough to tell an admin port from anything else that answers. */
const rollouts = z.object({
  rollouts: z.array(
    z.looseObject({
      model: z.string(),
      state: z.looseObject({}),
      policy: z.looseObject({}),
    }),
  ),
})
const failure = z.object({ error: z.string(), code: z.string().optional() })

export interface AdminOptions {
  readonly admin: string
}

/** The admin port of a server. Throws what the server answered, or a sentence on how to reach it. */
export class AdminClient {
  readonly #base: string
  readonly #token: string | undefined
  readonly #timeoutMs: number

  constructor({ admin }: AdminOptions, { timeoutMs = TIMEOUT_MS } = {}) {
    this.#timeoutMs = timeoutMs
    if (!/^https?:\/\//.test(admin)) {
      const sentence = `--admin: expected an address that begins with http:// or https://, not ${admin}`
      throw new CutoverError('CONFIG_INVALID', sentence)
    }
    this.#base = admin.replace(/\/+$/, '')
    this.#token = process.env['CUTOVER_ADMIN_TOKEN']
  }

  async rollouts(): Promise<readonly RolloutReport[]> {
    const answer = rollouts.safeParse(await this.#ask('/rollouts'))
    if (answer.success) return answer.data.rollouts as unknown as RolloutReport[]
    throw this.#noAdminPort()
  }

  async command(model: string, command: object): Promise<RolloutReport> {
    const path = `/rollouts/${encodeURIComponent(model)}/commands`
    const init = { method: 'POST', body: JSON.stringify(command) }
    return (await this.#ask(path, init)) as RolloutReport
  }

  get #tokenHint(): string {
    return this.#token === undefined
      ? 'set CUTOVER_ADMIN_TOKEN'
      : "CUTOVER_ADMIN_TOKEN is not the server's"
  }

  #noAdminPort(): CutoverError {
    return new CutoverError(
      'REGISTRY_UNAVAILABLE',
      `what answers at ${this.#base} is no admin port of cutover: name it with --admin`,
    )
  }

  async #ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const headers = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
    let response: Response
    let text: string
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs)
      response = await fetch(this.#base + path, { ...init, headers, signal, redirect: 'error' })
      text = await response.text()
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      const isLate = error instanceof Error && error.name === 'TimeoutError'
      const late = `no answer from ${this.#base} within ${this.#timeoutMs / 1000} s`
      // It goes on in the server, whose registry may be slow.
      const pending =
        init.method === 'POST' ? ': it may be done all the same, ask cutover status' : ''
      const sentence = isLate
        ? `${late}${pending}`
        : `no server answers at ${this.#base} (${messageOf(cause)}): name its admin port with --admin`
      throw new CutoverError('REGISTRY_UNAVAILABLE', sentence, { cause: error })
    }
    const json = parseJson(text)
    if (response.ok) return json
    const parsed = failure.safeParse(json)
    const { error = `the answer was ${response.status}`, code } = parsed.data ?? {}
    if (code === 'ROUTE_NOT_FOUND') throw this.#noAdminPort()
    if (code === 'UNAUTHORIZED') throw new CutoverError(code, `${error} (${this.#tokenHint})`)
    throw new CutoverError(isErrorCode(code) ? code : 'INTERNAL', error)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
