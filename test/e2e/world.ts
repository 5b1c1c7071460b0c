import Database from 'better-sqlite3'
import OpenAI, { type ClientOptions } from 'openai'
import type { Event } from '../../src/core/events.ts'
import { startGoogle } from '../fakes/google.ts'
import { startGroq } from '../fakes/groq.ts'
import { startOllama } from '../fakes/ollama.ts'
import { startOpenai } from '../fakes/openai.ts'
import type { Body, Fake, FakeOptions } from '../fakes/server.ts'
import { type RunningServer, startServer } from './harness.ts'
import type { Runtime } from './runtimes.ts'

const FAKES = { openai: startOpenai, groq: startGroq, google: startGoogle, ollama: startOllama } as const
const PATHS = { openai: '/v1', groq: '/openai/v1', google: '/v1beta', ollama: '' } as const

/** An LLM of the configuration and the fake provider behind it. */
export interface FakeLlm {
  /** `openai` by default. */
  readonly type?: keyof typeof FAKES
  readonly options?: FakeOptions
  /** Keys of the configuration on top of the usual ones. */
  readonly config?: object
}

export interface WorldOptions<N extends string> {
  readonly runtime: Runtime
  readonly llms: Record<N, FakeLlm>
  /** The rest of the configuration: `general`, `queue`, `models`, `clients`. */
  readonly config?: object
  /** LLMs without a fake. */
  readonly others?: readonly object[]
  readonly env?: Record<string, string>
  /** The program, relative to the repository; `src/main.ts` by default. */
  readonly script?: string
}

/** One server and the fake providers behind it; LLM `name` is model `name-model` there. */
export interface World<N extends string> {
  server: RunningServer
  readonly fakes: Record<N, Fake>
  /** The official SDK. */
  sdk(options?: ClientOptions): OpenAI
  ask(body: Body | string, init?: Pick<RequestInit, 'headers' | 'signal'>): Promise<Response>
  /** The whole log so far. */
  log(): Event[]
  /** The events of the request with this id. */
  story(id: string | null): Event[]
  /** Starts the server again on the same directory. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Starts a fake for each LLM, and a server that knows them all. */
export async function startWorld<N extends string>(options: WorldOptions<N>): Promise<World<N>> {
  const { runtime, config: rest = {}, others = [], env: more = {}, script } = options
  const program = script === undefined ? {} : { script }
  const fakes = {} as Record<N, Fake>
  const llms: object[] = []
  const env: Record<string, string> = { ...more }
  for (const [name, spec] of Object.entries(options.llms) as [N, FakeLlm][]) {
    const { type = 'openai', options: fakeOptions = {}, config = {} } = spec
    fakes[name] = await FAKES[type](fakeOptions)
    const keyName = fakeOptions.apiKey ? `KEY_OF_${name.toUpperCase().replace(/\W/g, '_')}` : ''
    if (fakeOptions.apiKey) env[keyName] = fakeOptions.apiKey
    const base_url = fakes[name].url + PATHS[type]
    const usual = { name, api_type: type, model: `${name}-model`, base_url, api_key_name: keyName }
    llms.push({ ...usual, context_length: 1_000_000, ...config })
  }
  // JSON is YAML.
  const config = JSON.stringify({ ...rest, llms: [...llms, ...others] })
  const world: World<N> = {
    server: await startServer({ runtime, config, env, ...program }),
    fakes,
    sdk: (given) => new OpenAI({ baseURL: `${world.server.url}/v1`, apiKey: 'none', ...given }),
    ask: (body, init) => postChat(world.server.url, body, init),
    log: () => readLog(world.server.dbPath),
    story: (id) => world.log().filter(({ request }) => request === id),
    async restart() {
      world.server = await startServer({ runtime, config, env, ...program, dir: world.server.dir })
    },
    async close() {
      await world.server.discard()
      await Promise.all(Object.values<Fake>(fakes).map((fake) => fake.close()))
    },
  }
  return world
}

/** A request with one message. */
export function say(model: string, content: unknown, more: object = {}): Body {
  return { model, messages: [{ role: 'user', content }], ...more }
}

/** Posts a chat completion; a text goes out as it is. */
export function postChat(
  url: string,
  body: Body | string,
  { headers, signal }: Pick<RequestInit, 'headers' | 'signal'> = {},
): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: signal ?? null,
  })
}

/** Reads a log through the view that `docs/events.md` promises. */
export function readLog(path: string): Event[] {
  const db = new Database(path, { readonly: true })
  try {
    const rows = db.prepare('SELECT * FROM event ORDER BY seq').all() as (Event & { data: string })[]
    return rows.map((row) => ({ ...row, data: JSON.parse(row.data) }) as Event)
  } finally {
    db.close()
  }
}

/** Looks until `check` gives something, at most `withinMs`. */
export async function until<T>(
  check: () => T | Promise<T>,
  what: string,
  withinMs = 10_000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = await check()
    if (found) return found as Exclude<T, false | null | undefined>
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The texts of an SSE body's `data` lines. */
export function dataOf(text: string): string[] {
  return [...text.matchAll(/^data: ?(.*)$/gm)].map(([, data = '']) => data)
}

/** The words that a fake or a simulated LLM says in a stream. */
export function wordsOf(text: string): string {
  return dataOf(text)
    .filter((data) => data !== '[DONE]')
    .map((data) => JSON.parse(data).choices[0]?.delta?.content ?? '')
    .join('')
}

/** An address at which nobody listens any more. */
export async function closedAddress(): Promise<string> {
  const fake = await startOpenai()
  await fake.close()
  return fake.url
}
