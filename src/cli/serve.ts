import { announce } from '../actors/announce.ts'
import { type Balancer, createBalancer } from '../actors/balancer.ts'
import { createSystemClock, watchWallClock } from '../actors/clock.ts'
import type { Config } from '../config/config.ts'
import { configHash, redact } from '../config/redact.ts'
import { memoryMs, type Started, startFromFold } from '../config/start.ts'
import { disabledBecause, type Environment, startWarnings } from '../config/warnings.ts'
import { CellMap } from '../core/cell-map.ts'
import { checkpointText } from '../core/checkpoint.ts'
import { createApp } from '../http/app.ts'
import { createAuth } from '../http/auth.ts'
import type { Gateway, Listener } from '../http/gateway.ts'
import { createHeartbeats } from '../http/heartbeats.ts'
import { listen } from '../http/listen.ts'
import { createOperator } from '../http/operator.ts'
import { type Checkpointer, createCheckpointer } from '../log/checkpointer.ts'
import { createJournal } from '../log/journal.ts'
import { type Retention, retain } from '../log/retention.ts'
import { openLog } from '../log/sqlite.ts'
import type { LogStore } from '../log/store.ts'
import { foldBefore } from '../replay/state-at.ts'
import { createUpstreams } from '../upstream/upstreams.ts'
import { type Console, createConsole } from './console.ts'
import { stopOnSignal } from './drain.ts'
import { isColoured } from './terminal.ts'
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
  const console = createConsole(
    config.general.logLevel,
    process.stderr.isTTY === true,
    isColoured(process.stderr, env),
    clock.now,
  )
  const listeners = new CellMap<string, Listener>()
  // What an LLM's state is at the start is said by the warnings.
  let listening = false
  const journal = createJournal({
    store,
    committed(event) {
      if (listening) console.event(event)
      if (event.request !== null) listeners.get(event.request)?.hear(event)
    },
    trouble: (message) => console.say('error', message),
  })
  const started = startedOf(config, env, clock.now())
  const { policy, recovered } = startFromFold(started, foldBefore(store, started, last.seq + 1))
  const balancer = createBalancer(
    {
      policy,
      llms: recovered.llms,
      hours: recovered.hours,
      clock,
      lastSeq: last.seq,
      record(event) {
        journal.append(event)
        checkpointer.recorded(event)
      },
      fatal(message) {
        journal.flush()
        console.say('error', `a bug ended the process: ${message}`)
        console.flush()
        process.exit(70)
      },
    },
    `${started.seed.toString(36)}_`,
  )
  const checkpointer = checkpointerOf(store, started, balancer)
  balancer.ingest('process.started', started)
  announce(balancer, recovered)
  const heartbeats = createHeartbeats(balancer, config.queue.heartbeatMs, clock.now)
  const upstreams = await createUpstreams(config.llms, env)
  const gateway: Gateway = {
    config,
    balancer,
    clock,
    startedAt: clock.now(),
    heartbeats,
    listeners,
    identify: createAuth(config.clients, env),
    operator: createOperator(config, env, journal),
    trouble: (message) => console.say('error', message),
    upstream: (llm) => upstreams.get(llm)!,
  }
  const { listenAddress: hostname, listenPort: port } = config.general
  const app = createApp(gateway)
  const listener = await listen({ fetch: app.fetch, hostname, port })
  journal.flush()
  listening = true
  await checkpointer.store()
  sayStart(console, config, [...warnings, ...startWarnings(config, env)], recovered.unfinished.length)
  process.stderr.write(
    `listening on http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${listener.port}\n`,
  )
  const warn = (message: string) => console.say('warn', message)
  const background = [
    heartbeats.stop,
    retain({ store, ...boundsOf(config), now: clock.now, tooSmall: warn }),
    watchWallClock(clock, (by_ms) => balancer.ingest('clock.jumped', { by_ms })),
  ]
  stopOnSignal({ config, balancer, journal, checkpointer, store, console, listener, background })
}

function checkpointerOf(store: LogStore, started: Started, balancer: Balancer): Checkpointer {
  const { config_hash: configHash, config } = started
  const take = (at: number) => checkpointText(balancer.folded(), at)
  return createCheckpointer({ store, configHash, config, take })
}

function boundsOf({ eventLog, llms }: Config): Pick<Retention, 'keepMs' | 'memoryMs' | 'maxBytes'> {
  return { keepMs: eventLog.retentionMs, memoryMs: memoryMs(llms), maxBytes: eventLog.maxBytes }
}

function sayStart(
  console: Console,
  { eventLog }: Config,
  warnings: readonly string[],
  unfinished: number,
): void {
  for (const warning of warnings) console.say('warn', warning)
  console.say('info', `event log ${eventLog.path}`)
  if (unfinished > 0) {
    console.say(
      'warn',
      `${unfinished} requests were under way when the last process died; the log has them as failed`,
    )
  }
  console.flush()
}

/** What the first event of a process says of it. */
function startedOf(config: Config, env: Environment, now: number): Started {
  return {
    version: VERSION,
    runtime: runtimeName(),
    seed: crypto.getRandomValues(new Uint32Array(1))[0]!,
    config_hash: configHash(config),
    config: redact(config),
    recovered_at: now,
    disabled: config.llms.flatMap((llm) => {
      const because = disabledBecause(llm, env)
      return because === null ? [] : [{ llm: llm.name, because }]
    }),
  }
}
