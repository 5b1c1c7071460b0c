import { Hono } from 'hono'
import { chatCompletions } from './chat.ts'
import { badRequest, errorResponse } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { getModel, listModels } from './models.ts'

/** The HTTP interface: OpenAI's paths, and what a process supervisor asks. */
export function createApp(gateway: Gateway): Hono {
  const app = new Hono()
  app.post('/v1/chat/completions', (c) => chatCompletions(gateway, c.req.raw))
  app.get('/v1/models', (c) => listModels(gateway, c.req.raw))
  app.get('/v1/models/:id{.+}', (c) => getModel(gateway, c.req.raw, c.req.param('id')))
  app.get('/health', () => Response.json({ status: 'ok' }))
  app.get('/ready', (c) => ready(gateway, c.req.raw))
  app.notFound((c) => {
    const message = `There is no ${c.req.method} ${c.req.path} here. Endpoints: POST /v1/chat/completions, GET /v1/models, GET /health, GET /ready.`
    return errorResponse(badRequest(message, 'not_found', 404), {})
  })
  app.onError((error) => {
    gateway.trouble(`a request failed inside the load balancer: ${error.stack ?? error.message}`)
    const message = 'The load balancer failed on this request; its log says more.'
    return errorResponse({ status: 500, code: 'internal', message, retryAfterMs: null }, {})
  })
  return app
}

/**
 * Whether requests are welcome: not while shutting down, nor while no LLM is enabled. Why an LLM cannot be used is
 * told to clients alone.
 */
function ready({ balancer, identify }: Gateway, request: Request): Response {
  const known = identify(request.headers).ok
  const llms = balancer.views.map(({ spec: { name }, status, because }) =>
    known ? { name, status, because } : { name, status },
  )
  const status = balancer.state.draining
    ? 'draining'
    : llms.every((llm) => llm.status === 'disabled')
      ? 'no LLM is enabled'
      : 'ready'
  return Response.json({ status, llms }, { status: status === 'ready' ? 200 : 503 })
}
