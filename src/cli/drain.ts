import type { Balancer } from '../actors/balancer.ts'
import type { Config } from '../config/config.ts'
import type { Listener } from '../http/listen.ts'
import type { Checkpointer } from '../log/writing/checkpointer.ts'
import type { Journal } from '../log/writing/journal.ts'
import type { LogWriter } from '../log/store.ts'
import type { Console } from './console.ts'

/** A serving process, as far as stopping it goes. */
export interface Running {
  readonly config: Config
  readonly balancer: Balancer
  readonly journal: Journal
  readonly checkpointer: Checkpointer
  readonly writer: LogWriter
  readonly console: Console
  readonly listener: Listener
  /** Each stops one thing that goes on by itself. */
  readonly background: readonly (() => void)[]
}

/** SIGTERM and SIGINT drain: new requests are refused, those under way may finish. A second signal ends at once. */
export function stopOnSignal(running: Running): void {
  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(130)
    stopping = true
    void drain(running, signal)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** For the last answers to reach their clients. */
const GRACE_MS = 1000
/** For the disk to take the last events. */
const DISK_MS = 10_000

async function drain(
  { config, balancer, journal, checkpointer, writer, console, listener, background }: Running,
  reason: string,
): Promise<void> {
  const { drainMs } = config.general
  balancer.ingest('process.stopping', { reason, drain_ms: drainMs })
  const cut = setTimeout(() => void listener.stop(false), drainMs + GRACE_MS)
  await untilIdle(balancer, drainMs + GRACE_MS)
  await Promise.race([listener.stop(true), pause(drainMs + GRACE_MS)])
  clearTimeout(cut)
  for (const stop of background) stop()
  balancer.stop()
  const stored = journal.flush().then(() => checkpointer.store())
  await Promise.race([stored.then(() => writer.close()), pause(DISK_MS)])
  if (journal.waiting > 0) console.say('error', `${journal.waiting} events are not in the log, and are lost`)
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
