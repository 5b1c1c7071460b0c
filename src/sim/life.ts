import { announce } from '../actors/announce.ts'
import type { Balancer, BalancerOptions, createBalancer } from '../actors/balancer.ts'
import type { Event } from '../core/events.ts'
import { recover } from '../core/recover.ts'
import type { VirtualClock } from './clock.ts'

export interface LifeOptions extends Omit<BalancerOptions, 'llms' | 'hours' | 'lastSeq' | 'clock'> {
  readonly clock: VirtualClock
  readonly seed: number
  readonly create: typeof createBalancer
  /** Whether there is a log, so that the process can die and go on. */
  readonly mortal: boolean
}

/** The process that the balancer lives in, from one start to the next. */
export interface Life {
  /** The one that runs, or the last one that did. */
  readonly balancer: Balancer
  readonly up: boolean
  /** The process dies without a word, and starts again from its log. */
  crash(downMs: number): void
}

export function createLife(options: LifeOptions): Life {
  const { policy, clock, seed, create, mortal, fatal } = options
  const log: Event[] = []
  let lastSeq = 0
  let up = true

  function record(event: Event): void {
    lastSeq = event.seq
    if (mortal) log.push(event)
    options.record(event)
  }
  function boot(): Balancer {
    const recovered = recover(log, policy.specs, () => null, clock.now())
    const { llms, hours } = recovered
    const fresh = create({ policy, llms, hours, clock, lastSeq, record, fatal }, `${seed.toString(36)}_`)
    const version = 'simulated'
    fresh.ingest('process.started', { version, runtime: 'virtual', seed, config_hash: '', config: null })
    announce(fresh, recovered)
    return fresh
  }
  let balancer = boot()
  return {
    get balancer() {
      return balancer
    },
    get up() {
      return up
    },
    crash(downMs) {
      up = false
      balancer.stop()
      clock.setTimeout(() => {
        balancer = boot()
        up = true
      }, downMs)
    },
  }
}
