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
import { type Checkpointer, createCheckpointer } from '../log/writing/checkpointer.ts'
import { Journal } from '../log/writing/journal.ts'
import { type Retention, retain } from '../log/writing/retention.ts'
import { openLogReader, reading } from '../log/sqlite.ts'
import type { CheckpointText, LogWriter } from '../log/store.ts'
import { openWriter, WRITER_THREAD } from '../log/writing/writer.ts'
import { foldBefore } from '../replay/state-at.ts'
import { createUpstreams } from '../upstream/upstreams.ts'
import { type Console, createConsole } from './console.ts'
import { stopOnSignal } from './drain.ts'
import { isColoured } from './terminal.ts'
import { runtimeName, VERSION } from './version.ts'

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
  const console = consoleOf(config, env, clock.now)
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
    // What the log does not have, a checkpoint tells.
    resumed(dropped, failing_ms) {
      balancer.ingest('log.resumed', { dropped, failing_ms })
      void checkpointer.store()
    },
    renewed: () => void checkpointer.store(),
  })
  const started = startedOf(config, env, clock.now())
  const fold = reading(config.eventLog.path, () => foldBefore(log, started, last.seq + 1))
  log.close()
  const { policy, recovered } = startFromFold(started, fold)
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
      async fatal(message) {
        await journal.flush()
        console.say('error', `a bug ended the process: ${message}`)
        console.flush()
        process.exit(70)
      },
    },
    `${started.seed.toString(36)}_`,
  )
  const checkpointer = checkpointerOf(writer, journal, started, balancer)
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
    log: () => journal.health(),
    identify: createAuth(config.clients, env),
    operator: createOperator(config, env, journal),
    trouble: (message) => console.say('error', message),
    upstream: (llm) => upstreams.get(llm)!,
  }
  const { listenAddress: hostname, listenPort: port } = config.general
  const app = createApp(gateway)
  const listener = await listen({ fetch: app.fetch, hostname, port })
  await journal.flush()
  listening = true
  await checkpointer.store()
  sayStart(console, config, [...warnings, ...startWarnings(config, env)], recovered.unfinished.length)
  process.stderr.write(`listening on http://${bracketed(hostname)}:${listener.port}\n`)
  const warn = (message: string) => console.say('warn', message)
  const background = [
    heartbeats.stop,
    retain({ store: writer, ...boundsOf(config), now: clock.now, tooSmall: warn }),
    watchWallClock(clock, (by_ms) => balancer.ingest('clock.jumped', { by_ms })),
  ]
  stopOnSignal({ config, balancer, journal, checkpointer, writer, console, listener, background })
}

function consoleOf({ general }: Config, env: Environment, now: () => number): Console {
  const { stderr } = process
  return createConsole(general.logLevel, stderr.isTTY === true, isColoured(stderr, env), now)
}

/** A host as it stands in an address. */
function bracketed(hostname: string): string {
  return hostname.includes(':') ? `[${hostname}]` : hostname
}

function checkpointerOf(
  writer: LogWriter,
  journal: Journal,
  started: Started,
  balancer: Balancer,
): Checkpointer {
  const { config_hash: configHash, config } = started
  const take = (at: number) => checkpointText(balancer.folded(), at)
  const store = {
    async checkpoint(checkpoint: CheckpointText) {
      await journal.flush()
      await writer.checkpoint(checkpoint)
    },
  }
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
