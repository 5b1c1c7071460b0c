import { announce } from '../actors/announce.ts'
import type { Balancer, BalancerOptions, createBalancer } from '../actors/balancer.ts'
import { type Started, startFrom } from '../config/start.ts'
import type { Event } from '../core/events.ts'
import type { VirtualClock } from './clock.ts'

export interface LifeOptions
  extends Omit<BalancerOptions, 'policy' | 'llms' | 'hours' | 'lastSeq' | 'clock'> {
  readonly clock: VirtualClock
  readonly identity: Identity
  readonly create: typeof createBalancer
  /** Whether there is a log, so that the process can die and go on. */
  readonly mortal: boolean
}

/** What a simulated process says of itself at each start. */
export type Identity = Pick<Started, 'seed' | 'config' | 'config_hash'>

/** The process that the balancer lives in, from one start to the next. */
export interface Life {
  /** The one that runs, or the last one that did. */
  readonly balancer: Balancer
  readonly up: boolean
  /** The process dies without a word, and starts again from its log. */
  crash(downMs: number): void
}

export function createLife(options: LifeOptions): Life {
  const { identity, clock, create, mortal, fatal } = options
  const log: Event[] = []
  let lastSeq = 0
  let up = true

  function record(event: Event): void {
    lastSeq = event.seq
    if (mortal) log.push(event)
    options.record(event)
  }
  function boot(): Balancer {
    const started: Started = {
      version: 'simulated',
      runtime: 'virtual',
      ...identity,
      recovered_at: clock.now(),
      disabled: [],
    }
    const { policy, recovered } = startFrom(started, (since) => log.filter(({ at }) => at >= since))
    const { llms, hours } = recovered
    const prefix = `${identity.seed.toString(36)}_`
    const fresh = create({ policy, llms, hours, clock, lastSeq, record, fatal }, prefix)
    fresh.ingest('process.started', started)
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
