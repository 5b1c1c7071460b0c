import Database from 'better-sqlite3'
import { type Event, isTerminal } from '../../src/core/events.ts'
import { createRandom, type Random } from '../../src/core/random.ts'
import { openLogReader } from '../../src/log/sqlite.ts'
import type { LimitSpec } from '../fakes/limiter.ts'
import type { Runtime } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

/** What kills under load have shown; every figure but those of the load should be 0. */
export interface Kills {
  readonly kills: number
  readonly events: number
  readonly requests: number
  /** Calls that the providers have seen. */
  readonly calls: number
  /** Requests that were under way at a kill and ended with the next start. */
  readonly restarted: number
  /** What did not hold, in words. */
  readonly wrong: readonly string[]
}

export interface KillOptions {
  readonly runtime: Runtime
  readonly kills: number
  readonly seed: number
  /** After each kill that was looked into. */
  killed?(count: number): void
}

const CLIENTS = 12
/** A server lives for at most this long once it listens. */
const LIFE_MS = 700

const requestsPerSecond = (amount: number): LimitSpec => ({ unit: 'requests', amount, perMs: 1000 })
const tokensPerSecond: LimitSpec = { unit: 'tokens', amount: 600, perMs: 1000, window: 'bucket' }

/** An LLM that declares the limits that its provider keeps. */
function limited(...limits: LimitSpec[]) {
  const declared = limits.map(({ unit, amount, perMs }) => ({ unit, amount, per: `${perMs}ms` }))
  return { options: { limits: { limits }, delayMs: 5, chunkDelayMs: 3 }, config: { limits: declared } }
}

/** Kills a server under load again and again, each time at a random instant, and holds its log against the truth. */
export async function killAgainAndAgain({ runtime, kills, seed, killed }: KillOptions): Promise<Kills> {
  const world = await startWorld({
    runtime,
    llms: {
      slow: limited(requestsPerSecond(8)),
      even: limited(requestsPerSecond(20), tokensPerSecond),
      wide: limited(requestsPerSecond(40)),
    },
    // The name that a request asks for is in the log and so leads from a call to its request.
    config: { models: { 'job-*': ['slow', 'even', 'wide'] }, queue: { max_wait: '2s' } },
  })
  const random = createRandom(seed)
  const load = new Load(world, random.fork('load'))
  const audit = new Audit(world)
  try {
    for (let count = 1; count <= kills; count++) {
      await pause(random.integer(LIFE_MS))
      // A busy machine may take long over the first calls; every second life has some.
      if (count % 2 === 1) await audit.newCalls()
      world.server.kill('SIGKILL')
      await world.server.exited
      audit.afterKill()
      await world.restart()
      audit.afterStart()
      killed?.(count)
    }
    return { kills, requests: load.sent, ...audit.found() }
  } finally {
    load.stop()
    await world.close()
  }
}

/** Clients that ask one thing after the other, whatever becomes of it. */
class Load {
  sent = 0
  #stopped = false

  constructor(world: World<string>, random: Random) {
    for (let client = 0; client < CLIENTS; client++) void this.#client(world, random.fork(`${client}`))
  }

  stop(): void {
    this.#stopped = true
  }

  async #client(world: World<string>, random: Random): Promise<void> {
    while (!this.#stopped) {
      const name = `job-${++this.sent}`
      const more = { max_tokens: 5 + random.integer(20), stream: random.next() < 0.5 }
      try {
        await (await world.ask(say(name, name, more), { signal: AbortSignal.timeout(10_000) })).text()
      } catch {
        await pause(20)
      }
    }
  }
}

/** Reads what is new in the log after each kill and each start. */
class Audit {
  readonly #world: World<string>
  readonly #wrong: string[] = []
  readonly #names = new Map<string, string>()
  readonly #open = new Set<string>()
  /** What was dispatched, as `name at LLM`. */
  readonly #dispatched = new Map<string, number>()
  readonly #seen = new Map<string, number>()
  #calls = 0
  #seq = 0
  #restarted = 0

  constructor(world: World<string>) {
    this.#world = world
  }

  afterKill(): void {
    this.#read()
    const db = new Database(this.#world.server.dbPath, { readonly: true })
    const integrity = db.pragma('integrity_check', { simple: true })
    db.close()
    if (integrity !== 'ok') this.#wrong.push(`integrity: ${integrity}`)
    this.#countCalls()
  }

  /** Whatever was under way at the kill has its end by now. */
  afterStart(): void {
    const underWay = [...this.#open]
    this.#read()
    const left = underWay.filter((request) => this.#open.has(request))
    if (left.length > 0) this.#wrong.push(`${left.length} requests have no end after the restart`)
    this.#restarted += underWay.length
  }

  found(): Omit<Kills, 'kills' | 'requests'> {
    const refusals = Object.entries(this.#world.fakes).flatMap(([name, { limiter }]) =>
      limiter.refusals.map(({ used, requested }) => `${name} was overrun: ${used} + ${requested}`),
    )
    const wrong = [...this.#wrong, ...refusals]
    return { events: this.#seq, calls: this.#calls, restarted: this.#restarted, wrong }
  }

  /** Resolves once the providers have seen a few calls more than at the last kill. */
  async newCalls(): Promise<void> {
    const most = this.#calls + CLIENTS / 2
    await until(() => this.#callsSoFar() >= most, 'a few calls')
  }

  #callsSoFar(): number {
    return Object.values(this.#world.fakes).reduce((sum, { requests }) => sum + requests.length, 0)
  }

  #countCalls(): void {
    this.#seen.clear()
    this.#calls = this.#callsSoFar()
    for (const [llm, fake] of Object.entries(this.#world.fakes))
      for (const { body } of fake.requests) increase(this.#seen, `${body?.messages[0].content} at ${llm}`)
    for (const [call, times] of this.#seen)
      if ((this.#dispatched.get(call) ?? 0) < times) this.#wrong.push(`${call} is not in the log`)
  }

  #read(): void {
    const log = openLogReader(this.#world.server.dbPath)
    for (const event of log.readFrom(this.#seq + 1)) this.#take(event)
    log.close()
  }

  #take(event: Event): void {
    const { seq, type, request, llm } = event
    if (seq !== this.#seq + 1) this.#wrong.push(`${seq} follows ${this.#seq}`)
    this.#seq = seq
    if (request === null) return
    if (event.type === 'request.received') {
      this.#names.set(request, event.data.model)
      this.#open.add(request)
    } else if (type === 'request.dispatched') {
      increase(this.#dispatched, `${this.#names.get(request)} at ${llm}`)
    } else if (isTerminal(type) && !this.#open.delete(request)) {
      this.#wrong.push(`${request} ends again with ${type}`)
    }
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
