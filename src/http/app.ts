import { Hono } from 'hono'
import { explainRequest } from './admin.ts'
import { chatCompletions, refusalOfLog } from './chat.ts'
import { badRequest, errorResponse, failureResponse } from './errors.ts'
import type { Gateway } from './gateway.ts'
import type { Peer } from './listen.ts'
import { getModel, listModels } from './models.ts'

/** Answers any HTTP request; what fails inside becomes an answer, too. */
export interface App {
  /** `peer` is who asks; nobody is known to be the operator without it. */
  fetch(request: Request, peer?: Peer): Response | Promise<Response>
}

const CHAT = '/v1/chat/completions'

/**
 * The HTTP interface: OpenAI's paths, and what a process supervisor asks.
 *
 * Hint: chat completions go past the router, whose context costs more than all that is read of the request here.
 */
export function createApp(gateway: Gateway): App {
  const router = createRouter(gateway)
  return {
    fetch: (request, peer) =>
      request.method === 'POST' && isAt(request.url, CHAT)
        ? chatCompletions(gateway, request)
        : router.fetch(request, { peer }),
  }
}

/** Whether a URL has exactly this path. */
function isAt(url: string, path: string): boolean {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = start + path.length
  return url.startsWith(path, start) && (url.length === end || url[end] === '?')
}

interface Env {
  readonly Bindings: { readonly peer?: Peer | undefined }
}

function createRouter(gateway: Gateway): Hono<Env> {
  const app = new Hono<Env>()
  // In a form of the path that is written otherwise, such as with escapes.
  app.post(CHAT, (c) => chatCompletions(gateway, c.req.raw))
  app.get('/v1/models', (c) => listModels(gateway, c.req.raw))
  app.get('/v1/models/:id{.+}', (c) => getModel(gateway, c.req.raw, c.req.param('id')))
  app.get('/admin/requests/:id', (c) => explainRequest(gateway, c.req.raw, c.req.param('id'), c.env.peer))
  app.get('/health', () => Response.json({ status: 'ok' }))
  app.get('/ready', (c) => ready(gateway, c.req.raw))
  app.notFound((c) => {
    const message = `There is no ${c.req.method} ${c.req.path} here. Endpoints: POST /v1/chat/completions, GET /v1/models, GET /health, GET /ready, GET /admin/requests/{id}.`
    return errorResponse(badRequest(message, 'not_found', 404), {})
  })
  app.onError((error) => failureResponse(gateway, error))
  return app
}

/**
 * Whether requests are welcome: not while shutting down, nor while no LLM is enabled or the log does not allow it. Why
 * an LLM cannot be used is told to clients alone.
 */
function ready(gateway: Gateway, request: Request): Response {
  const { balancer, identify } = gateway
  const known = identify(request.headers).ok
  const llms = balancer.views.map(({ spec: { name }, status, because }) =>
    known ? { name, status, because } : { name, status },
  )
  const status = balancer.state.draining
    ? 'draining'
    : llms.every((llm) => llm.status === 'disabled')
      ? 'no LLM is enabled'
      : refusalOfLog(gateway) !== null
        ? 'the event log cannot be written'
        : 'ready'
  return Response.json({ status, llms, log: gateway.log() }, { status: status === 'ready' ? 200 : 503 })
}
