import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type Response,
} from 'express'

import { CutoverError } from '../domain/errors.ts'
import type { GatewayContext } from './context.ts'
import { httpErrorOf } from './http-errors.ts'
import { requestIdOf } from './request-id.ts'
import type { ColdRoute } from './routes.ts'

/** The Express application behind the routes that need no speed. */
export function coldApp(context: GatewayContext, routes: readonly ColdRoute[]): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use((request, response, next) => {
    response.set('x-request-id', requestIdOf(request))
    next()
  })
  for (const { path, handle } of routes) {
    app.get(path, (request, response) => handle(context, request, response))
    app.all(path, (_request, response) =>
      refuse(response, methodNotAllowed('GET, HEAD'), 'GET, HEAD'),
    )
  }
  app.use((request: Request, response: Response) => {
    const sentence = `there is no ${request.method} ${request.path}`
    refuse(response, new CutoverError('ROUTE_NOT_FOUND', sentence))
  })
  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    // Express itself refuses a path it cannot decode.
    const known = isHttpError(error) ? new CutoverError('REQUEST_INVALID', error.message) : error
    if (!isHttpError(error))
      context.logger.error({ err: error, url: request.url }, 'a request failed')
    refuse(response, known)
  }
  app.use(onError)
  return app
}

export function methodNotAllowed(allow: string): CutoverError {
  return new CutoverError('METHOD_NOT_ALLOWED', `this path takes ${allow} only`)
}

function refuse(response: Response, error: unknown, allow?: string): void {
  const { status, headers, body } = httpErrorOf(error)
  if (allow !== undefined) response.set('allow', allow)
  response.status(status).set(headers).type('json').send(body)
}

function isHttpError(error: unknown): error is Error & { status: number } {
  return error instanceof Error && 'status' in error && error.status === 400
}
