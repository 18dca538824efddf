import { randomBytes } from 'node:crypto'

import { S3Error } from './errors.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Who may sign requests: one account for good, and sessions that can be made to expire. */
export class Accounts {
  readonly permanent: Credentials = { accessKeyId: 'test', secretAccessKey: 'testtest' }
  readonly #sessions = new Map<string, Credentials>()
  readonly #expired = new Map<string, number>()

  /** Temporary credentials, as a role gives them. */
  startSession(): Credentials & { readonly sessionToken: string } {
    const session = {
      accessKeyId: `ASIA${randomBytes(6).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(20).toString('hex'),
      sessionToken: randomBytes(30).toString('base64'),
    }
    this.#sessions.set(session.accessKeyId, session)
    return session
  }

  /** From now on the session is answered ExpiredToken: 400 as S3 does, 403 as others do. */
  expireSession({ accessKeyId }: Credentials, status: 400 | 403 = 400): void {
    this.#expired.set(accessKeyId, status)
  }

  find(accessKeyId: string): Credentials | undefined {
    if (accessKeyId === this.permanent.accessKeyId) return this.permanent
    return this.#sessions.get(accessKeyId)
  }

  checkSession({ accessKeyId, sessionToken = '' }: Credentials, token: string): void {
    if (token !== sessionToken) throw new S3Error('InvalidToken')
    const status = this.#expired.get(accessKeyId)
    if (status !== undefined) throw new S3Error('ExpiredToken', status)
  }
}
