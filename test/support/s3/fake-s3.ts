import { Accounts, type Credentials } from './accounts.ts'
import { createBucket } from './buckets.ts'
import { DirectAccess } from './direct-access.ts'
import { type Fault, FaultPlan } from './faults.ts'
import { handle } from './handler.ts'
import { Listener } from './listener.ts'
import { RequestLog } from './request-log.ts'
import { bucketNamed, type Buckets } from './store.ts'

export interface FakeS3Options {
  /** Made at the start. Default: models. */
  readonly bucket?: string
}

const REGION = 'us-east-1'

/** An S3 server in this process, path style, on a loopback port of its own. */
export class FakeS3 {
  readonly bucket: string
  readonly region = REGION
  readonly objects: DirectAccess
  readonly requests = new RequestLog()
  readonly accounts = new Accounts()
  readonly #buckets: Buckets = new Map()
  readonly #faults = new FaultPlan()
  readonly #listener: Listener

  constructor({ bucket = 'models' }: FakeS3Options) {
    this.bucket = bucket
    createBucket(this.#buckets, { bucket })
    this.objects = new DirectAccess(bucketNamed(this.#buckets, bucket).objects)
    const options = {
      buckets: this.#buckets,
      accounts: this.accounts,
      region: REGION,
      faults: this.#faults,
      requests: this.requests,
      goDown: (forMs: number | undefined) => this.#listener.down(forMs),
    }
    this.#listener = new Listener((request, response) => {
      handle(request, response, options).catch((error: unknown) => {
        // A client that goes away in the middle of its own body is no fault of ours.
        if (!request.destroyed) console.error('fake S3:', error)
        response.destroy()
      })
    })
  }

  get endpoint(): string {
    return this.#listener.endpoint
  }

  get credentials(): Credentials {
    return this.accounts.permanent
  }

  /** The variables that make a child process use this server, and nothing that this machine has set. */
  get env(): Readonly<Record<string, string>> {
    return this.envOf(this.credentials)
  }

  envOf(credentials: Credentials): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL_S3: this.endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    }
  }

  /** From now on, until `clearFaults`. A stale listing shows the objects of this moment. */
  inject(...faults: readonly Fault[]): void {
    const now = bucketNamed(this.#buckets, this.bucket).objects.snapshot()
    for (const fault of faults) this.#faults.add(fault, now)
  }

  clearFaults(): void {
    this.#faults.clear()
  }

  /** Listens again, on the same port. */
  up(): Promise<void> {
    return this.#listener.up()
  }

  /** Resets every connection and refuses new ones: for so long, or until `up()`. */
  down(forMs?: number): void {
    this.#listener.down(forMs)
  }

  close(): void {
    this.#listener.down()
  }
}
