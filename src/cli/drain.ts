import type { Balancer } from '../actors/balancer.ts'
import type { Config } from '../config/config.ts'
import type { Listener } from '../http/listen.ts'
import type { Checkpointer } from '../log/checkpointer.ts'
import type { Journal } from '../log/journal.ts'
import type { LogStore } from '../log/store.ts'
import type { Console } from './console.ts'

/** A serving process, as far as stopping it goes. */
export interface Running {
  readonly config: Config
  readonly balancer: Balancer
  readonly journal: Journal
  readonly checkpointer: Checkpointer
  readonly store: LogStore
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

async function drain(
  { config, balancer, journal, checkpointer, store, console, listener, background }: Running,
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
  journal.flush()
  await checkpointer.store()
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
