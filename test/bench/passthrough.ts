import { Hono } from 'hono'
import { proxy } from 'hono/proxy'

/**
 * The yardstick: a bare pass-through on Hono, without routing, limits or log.
 * `forward` is Hono's own proxy helper, which passes headers both ways as a proxy has to.
 * `bare` is the least that moves the bodies: it drops all headers but the content type.
 * Usage: `bun passthrough.ts forward|bare http://127.0.0.1:PORT`.
 */
const [, , mode, upstream] = process.argv
const url = `${upstream}/v1/chat/completions`
const app = new Hono()

if (mode === 'forward') {
  app.post('/v1/chat/completions', (c) => proxy(url, { ...c.req, headers: { ...c.req.header() } }))
} else {
  app.post('/v1/chat/completions', async (c) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body: await c.req.text() })
    const type = answer.headers.get('content-type') ?? 'application/json'
    return new Response(answer.body, { status: answer.status, headers: { 'content-type': type } })
  })
}

interface Bun {
  serve(options: { port: number; hostname: string; idleTimeout: number; fetch: typeof app.fetch }): {
    port: number
  }
}
const { Bun } = globalThis as unknown as { Bun: Bun }
const { port } = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: app.fetch })
process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
