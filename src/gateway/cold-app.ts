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
import type { ColdRoute } from './route.ts'

const BODY_BYTES_MAX = 1024 ** 2

/** The Express application behind the routes that need no speed. */
export function coldApp(
  context: GatewayContext,
  routes: readonly ColdRoute[],
  check: (request: Request) => void = () => {},
): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('strict routing')
  app.enable('case sensitive routing')
  app.use((request, response, next) => {
    response.set('x-request-id', requestIdOf(request.headers['x-request-id']))
    check(request)
    next()
  })
  const body = express.text({ type: () => true, limit: BODY_BYTES_MAX })
  for (const { method, path, head = true, handle } of routes) {
    if (!head) {
      app.head(path, (_request, response) => refuse(response, methodNotAllowed(method), method))
    }
    const act = (request: Request, response: Response) => handle(context, request, response)
    if (method === 'GET') app.get(path, act)
    else app.post(path, body, act)
  }
  for (const [path, allow] of methodsByPath(routes)) {
    app.all(path, (_request, response) => refuse(response, methodNotAllowed(allow), allow))
  }
  app.use((request: Request, response: Response) => {
    const sentence = `there is no ${request.method} ${request.path}; GET /docs shows what there is`
    refuse(response, new CutoverError('ROUTE_NOT_FOUND', sentence))
  })
  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const known = ofExpress(error) ?? error
    if (!(known instanceof CutoverError)) {
      context.logger.error({ err: error, url: request.url }, 'a request failed')
    }
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

/** Express itself refuses a path it cannot decode, and a body that is too large or broken. */
function ofExpress(error: unknown): CutoverError | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined
  if (error.status === 413) {
    return new CutoverError('BODY_TOO_LARGE', `the body has more than ${BODY_BYTES_MAX} bytes`)
  }
  if (error.status === 415) return new CutoverError('CONTENT_TYPE_UNSUPPORTED', error.message)
  return error.status === 400 ? new CutoverError('REQUEST_INVALID', error.message) : undefined
}

function methodsByPath(routes: readonly ColdRoute[]): Map<ColdRoute['path'], string> {
  const methods = new Map<ColdRoute['path'], string>()
  for (const { path, method, head = true } of routes) {
    const allow = method === 'GET' && head ? 'GET, HEAD' : method
    const before = methods.get(path)
    methods.set(path, before === undefined ? allow : `${before}, ${allow}`)
  }
  return methods
}
