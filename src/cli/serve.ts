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
import { createAuth } from '../http/auth.ts'
import type { Gateway, Listener } from '../http/gateway.ts'
import { createHeartbeats } from '../http/heartbeats.ts'
import { listen } from '../http/listen.ts'
import { Journal } from '../log/journal.ts'
import { retain } from '../log/retention.ts'
import { openLogReader, reading } from '../log/sqlite.ts'
import type { LogReader } from '../log/store.ts'
import { openWriter, WRITER_THREAD } from '../log/writer.ts'
import { createUpstreams } from '../upstream/upstreams.ts'
import { type Console, createConsole } from './console.ts'
import { stopOnSignal } from './drain.ts'
import { runtimeName, VERSION } from './version.ts'
import { DAY_MS } from '../core/time.ts'

/**
 * Serves until a signal ends the process. Throws what keeps it from starting: a LogError or a ListenError.
 * @param thread The program of the thread that writes the log.
 */
export async function serve(
  config: Config,
  warnings: readonly string[],
  env: NodeJS.ProcessEnv,
  thread: URL = WRITER_THREAD,
): Promise<void> {
  const writer = await openWriter(config.eventLog.path, thread)
  const log = openLogReader(config.eventLog.path)
  const last = reading(config.eventLog.path, log.last)
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
  const journal = new Journal({
    writer,
    committed(event) {
      if (listening) console.event(event)
      if (event.request !== null) listeners.get(event.request)?.hear(event)
    },
    trouble: (message) => console.say('error', message),
    resumed: (dropped, failing_ms) => balancer.ingest('log.resumed', { dropped, failing_ms }),
  })
  const recovered = reading(config.eventLog.path, () => recoverFrom(log, config, env, clock.now()))
  log.close()
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!
  const balancer = createBalancer(
    {
      policy: policyOf(config),
      llms: recovered.llms,
      hours: recovered.hours,
      clock,
      lastSeq: last.seq,
      record: journal.append,
      async fatal(message) {
        await journal.flush()
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
  const gateway: Gateway = {
    config,
    balancer,
    clock,
    startedAt: clock.now(),
    heartbeats,
    listeners,
    log: () => journal.health(),
    identify: createAuth(config.clients, env),
    trouble: (message) => console.say('error', message),
    upstream: (llm) => upstreams.get(llm)!,
  }
  const { listenAddress: hostname, listenPort: port } = config.general
  const app = createApp(gateway)
  const listener = await listen({ fetch: (request) => app.fetch(request), hostname, port })
  await journal.flush()
  listening = true
  for (const warning of [...warnings, ...startWarnings(config, env)]) console.say('warn', warning)
  console.say('info', `event log ${config.eventLog.path}`)
  sayUnfinished(console, recovered)
  console.flush()
  process.stderr.write(
    `listening on http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${listener.port}\n`,
  )
  const background = [
    heartbeats.stop,
    retain(writer, Math.max(config.eventLog.retentionMs, memoryMs(config)), clock.now),
    watchWallClock(clock, (by_ms) => balancer.ingest('clock.jumped', { by_ms })),
  ]
  stopOnSignal({ config, balancer, journal, writer, console, listener, background })
}

function sayUnfinished(console: Console, { unfinished }: Recovered): void {
  if (unfinished.length === 0) return
  console.say(
    'warn',
    `${unfinished.length} requests were under way when the last process died; the log has them as failed`,
  )
}

/** State from the part of the log that the longest window can still see. */
function recoverFrom(log: LogReader, config: Config, env: NodeJS.ProcessEnv, now: number): Recovered {
  const since = now - memoryMs(config)
  return recover(log.read(since), config.llms, (spec) => disabledBecause(spec, env), now)
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
