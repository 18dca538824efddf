import { createServer, type Server } from 'node:http'

import { CutoverError } from '../domain/errors.ts'
import { checkAccess, isLoopback } from './admin-access.ts'
import { coldApp } from './cold-app.ts'
import type { GatewayContext } from './context.ts'
import { listen } from './listen.ts'
import { ADMIN_ROUTES } from './routes.ts'
import { closeWaitingAnswers } from './waiting-answers.ts'

/** The port for operators and for what tells of changes in the registry. */
export class AdminGateway {
  readonly #context: GatewayContext
  readonly #server: Server

  constructor(context: GatewayContext) {
    this.#context = context
    const { adminHost, adminToken } = context.settings
    if (adminToken === undefined && !isLoopback(adminHost)) {
      throw new CutoverError(
        'CONFIG_INVALID',
        `the admin port on ${adminHost} can be reached from other machines: ` +
          'set CUTOVER_ADMIN_TOKEN, or leave --admin-host at 127.0.0.1',
      )
    }
    this.#server = createServer(
      { headersTimeout: context.settings.headersTimeoutMs },
      coldApp(context, ADMIN_ROUTES, (request) => checkAccess(request, adminToken)),
    )
    closeWaitingAnswers(this.#server)
  }

  /** Resolves with the port. Throws CONFIG_INVALID when it is taken. */
  listen(): Promise<number> {
    const { adminHost: host, adminPort: port } = this.#context.settings
    return listen(this.#server, { host, port, flag: '--admin-port' })
  }

  close(): void {
    this.#context.streams.close()
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
