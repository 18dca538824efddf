import type { Effect } from './faults.ts'
import type { OperationName } from './request.ts'

/** A request that came, with what became of it. */
export interface LoggedRequest {
  /** Undefined for what this server does not know. */
  readonly operation: OperationName | undefined
  readonly method: string
  /** Of a listing: its prefix. */
  readonly key: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly faults: readonly Effect['kind'][]
  /** Undefined while there is no answer, and for ever where there was none. */
  status: number | undefined
  /** Of the body of the answer. */
  bytesSent: number
}

/** Every request since the start or the last reset, oldest first. */
export class RequestLog {
  readonly #requests: LoggedRequest[] = []

  add(request: LoggedRequest): void {
    this.#requests.push(request)
  }

  all(operation?: OperationName, key?: RegExp): readonly LoggedRequest[] {
    return this.#requests.filter(
      (request) =>
        (operation === undefined || request.operation === operation) &&
        (key === undefined || key.test(request.key)),
    )
  }

  count(operation?: OperationName, key?: RegExp): number {
    return this.all(operation, key).length
  }

  reset(): void {
    this.#requests.length = 0
  }
}
