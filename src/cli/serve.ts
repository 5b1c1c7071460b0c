import type { Balancer } from '../actors/balancer.ts'
import { createBalancer } from '../actors/balancer.ts'
import { type Clock, createSystemClock } from '../actors/clock.ts'
import type { Config } from '../config/config.ts'
import { configHash, redact } from '../config/redact.ts'
import { disabledBecause, startWarnings } from '../config/warnings.ts'
import type { Event } from '../core/events.ts'
import { type Recovered, recover } from '../core/recover.ts'
import { GUARD_MS } from '../core/window.ts'
import { createApp } from '../http/app.ts'
import { createAuth } from '../http/auth.ts'
import type { Gateway } from '../http/gateway.ts'
import { createHeartbeats } from '../http/heartbeats.ts'
import { type Listener, listen } from '../http/listen.ts'
import { createJournal, type Journal } from '../log/journal.ts'
import { openLog } from '../log/sqlite.ts'
import type { LogStore } from '../log/store.ts'
import { createUpstreams } from '../upstream/upstreams.ts'
import { type Console, createConsole } from './console.ts'
import { runtimeName, VERSION } from './version.ts'

/** Serves until a signal ends the process. Throws what keeps it from starting: a LogError or a ListenError. */
export async function serve(
  config: Config,
  warnings: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const store = openLog(config.eventLog.path)
  const last = store.last()
  const clock = createSystemClock(last.at)
  const console = createConsole(config.general.logLevel, process.stderr.isTTY === true, clock.now)
  const listeners = new Map<string, (event: Event) => void>()
  // What an LLM's state is at the start is said by the warnings.
  let listening = false
  const journal = createJournal({
    store,
    committed(event) {
      if (listening) console.event(event)
      if (event.request !== null) listeners.get(event.request)?.(event)
    },
    trouble: (message) => console.say('error', message),
  })
  const recovered = recoverFrom(store, config, env, clock.now())
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!
  const balancer = createBalancer(
    {
      policy: { specs: config.llms, rules: config.models, weights: config.general.weights, ...config.queue },
      llms: recovered.llms,
      clock,
      lastSeq: last.seq,
      record: journal.append,
      fatal(message) {
        journal.flush()
        console.say('error', `a bug ended the process: ${message}`)
        console.flush()
        process.exit(70)
      },
    },
    `${seed.toString(36)}_`,
  )
  announce(balancer, recovered, config, seed)
  const heartbeats = createHeartbeats(balancer.state.queue, config.queue.heartbeatMs, clock.now)
  const upstreams = await createUpstreams(config.llms, env)
  const gateway: Gateway = {
    config,
    balancer,
    clock,
    startedAt: clock.now(),
    heartbeats,
    listeners,
    identify: createAuth(config.clients, env),
    trouble: (message) => console.say('error', message),
    upstream: (llm) => upstreams.get(llm)!,
  }
  const { listenAddress: hostname, listenPort: port } = config.general
  const app = createApp(gateway)
  const listener = await listen({ fetch: (request) => app.fetch(request), hostname, port })
  journal.flush()
  listening = true
  for (const warning of [...warnings, ...startWarnings(config, env)]) console.say('warn', warning)
  console.say('info', `event log ${config.eventLog.path}`)
  console.flush()
  process.stderr.write(
    `listening on http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${listener.port}\n`,
  )
  stopOnSignal({
    config,
    balancer,
    clock,
    journal,
    store,
    console,
    listener,
    heartbeats: () => heartbeats.stop(),
  })
}

/** State from the part of the log that the longest window can still see. */
function recoverFrom(store: LogStore, config: Config, env: NodeJS.ProcessEnv, now: number): Recovered {
  const longest = Math.max(0, ...config.llms.flatMap((llm) => llm.limits.map((limit) => limit.perMs)))
  const since = now - 2 * Math.max(longest + GUARD_MS, DAY_MS)
  return recover(store.read(since), config.llms, (spec) => disabledBecause(spec, env), now)
}

const DAY_MS = 86_400_000

/** The first events of a process: what it is, what it found unfinished, what state each LLM starts in. */
function announce(balancer: Balancer, { llms, unfinished }: Recovered, config: Config, seed: number): void {
  balancer.ingest('process.started', {
    version: VERSION,
    runtime: runtimeName(),
    seed,
    config_hash: configHash(config),
    config: redact(config),
  })
  for (const { request, attempts, waitMs } of unfinished) {
    const message = 'The load balancer was restarted while this request was under way.'
    const data = { attempts, status: 503, code: 'restarted', message, cost_nano_usd: 0, wait_ms: waitMs }
    balancer.decide('request.failed', data, request)
  }
  for (const { spec, status, because } of llms) {
    if (status === 'disabled') balancer.decide('llm.disabled', { because: because ?? '' }, null, spec.name)
    else balancer.decide('llm.available', { after: 'started', ms: 0 }, null, spec.name)
  }
}

interface Running {
  readonly config: Config
  readonly balancer: Balancer
  readonly clock: Clock
  readonly journal: Journal
  readonly store: LogStore
  readonly console: Console
  readonly listener: Listener
  heartbeats(): void
}

/** SIGTERM and SIGINT drain: new requests are refused, those under way may finish. A second signal ends at once. */
function stopOnSignal(running: Running): void {
  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(130)
    stopping = true
    void drain(running, signal)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

async function drain(
  { config, balancer, journal, store, console, listener, heartbeats }: Running,
  reason: string,
): Promise<void> {
  const { drainMs } = config.general
  balancer.ingest('process.stopping', { reason, drain_ms: drainMs })
  const cut = setTimeout(() => void listener.stop(false), drainMs)
  await untilIdle(balancer, drainMs)
  await Promise.race([listener.stop(true), pause(drainMs)])
  clearTimeout(cut)
  heartbeats()
  balancer.stop()
  journal.flush()
  store.close()
  console.say('info', 'stopped')
  console.flush()
  process.exit(0)
}

async function untilIdle(balancer: Balancer, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs
  while (balancer.state.running.size > 0 && performance.now() < end) await pause(20)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
