import { announce } from '../actors/announce.ts'
import { createBalancer } from '../actors/balancer.ts'
import { createSystemClock, watchWallClock } from '../actors/clock.ts'
import type { Config } from '../config/config.ts'
import { policyOf } from '../config/policy.ts'
import { configHash, redact } from '../config/redact.ts'
import { disabledBecause, startWarnings } from '../config/warnings.ts'
import { CellMap } from '../core/cell-map.ts'
import type { InputData } from '../core/events.ts'
import { type Recovered, recover } from '../core/recover.ts'
import { createApp } from '../http/app.ts'
import { createAdminAuth, createAuth } from '../http/auth.ts'
import type { Gateway, Listener } from '../http/gateway.ts'
import { createHeartbeats } from '../http/heartbeats.ts'
import { listen } from '../http/listen.ts'
import { createJournal } from '../log/journal.ts'
import { retain } from '../log/retention.ts'
import { openLog } from '../log/sqlite.ts'
import type { LogStore } from '../log/store.ts'
import { createExplainer } from '../replay/explainer.ts'
import { createUpstreams } from '../upstream/upstreams.ts'
import { createConsole } from './console.ts'
import { stopOnSignal } from './drain.ts'
import { runtimeName, VERSION } from './version.ts'
import { DAY_MS } from '../core/time.ts'

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
    !env.NO_COLOR,
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
  const recovered = recoverFrom(store, config, env, clock.now())
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!
  const balancer = createBalancer(
    {
      policy: policyOf(config),
      llms: recovered.llms,
      hours: recovered.hours,
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
  balancer.ingest('process.started', identityOf(config, seed))
  announce(balancer, recovered)
  const heartbeats = createHeartbeats(balancer, config.queue.heartbeatMs, clock.now)
  const upstreams = await createUpstreams(config.llms, env)
  const explainer = createExplainer(config.eventLog.path)
  const gateway: Gateway = {
    config,
    balancer,
    clock,
    startedAt: clock.now(),
    heartbeats,
    listeners,
    identify: createAuth(config.clients, env),
    refuseAdmin: createAdminAuth(config.general.adminKeyName, env),
    explain(id) {
      journal.flush()
      return explainer.explain(id)
    },
    trouble: (message) => console.say('error', message),
    upstream: (llm) => upstreams.get(llm)!,
  }
  const { listenAddress: hostname, listenPort: port } = config.general
  const app = createApp(gateway)
  const listener = await listen({ fetch: app.fetch, hostname, port })
  journal.flush()
  listening = true
  for (const warning of [...warnings, ...startWarnings(config, env)]) console.say('warn', warning)
  console.say('info', `event log ${config.eventLog.path}`)
  if (recovered.unfinished.length > 0) {
    const count = recovered.unfinished.length
    console.say(
      'warn',
      `${count} requests were under way when the last process died; the log has them as failed`,
    )
  }
  console.flush()
  process.stderr.write(
    `listening on http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${listener.port}\n`,
  )
  const background = [
    heartbeats.stop,
    retain(store, Math.max(config.eventLog.retentionMs, memoryMs(config)), clock.now),
    watchWallClock(clock, (by_ms) => balancer.ingest('clock.jumped', { by_ms })),
  ]
  stopOnSignal({ config, balancer, journal, store, console, listener, background })
}

/** State from the part of the log that the longest window can still see. */
function recoverFrom(store: LogStore, config: Config, env: NodeJS.ProcessEnv, now: number): Recovered {
  const since = now - memoryMs(config)
  return recover(store.read(since), config.llms, (spec) => disabledBecause(spec, env), now)
}

/** How far back the past matters: twice the longest window, and at least two days. */
function memoryMs({ llms }: Config): number {
  const longest = Math.max(
    0,
    ...llms.flatMap((llm) => llm.limits.map((limit) => limit.perMs + limit.guardMs)),
  )
  return 2 * Math.max(longest, DAY_MS)
}

/** What the first event of a process says of it. */
function identityOf(config: Config, seed: number): InputData['process.started'] {
  return {
    version: VERSION,
    runtime: runtimeName(),
    seed,
    config_hash: configHash(config),
    config: redact(config),
  }
}
