import type { Balancer } from '../actors/balancer.ts'
import type { Clock } from '../actors/clock.ts'
import type { Config } from '../config/config.ts'
import type { CellMap } from '../core/cell-map.ts'
import type { Event } from '../core/events.ts'
import type { LogHealth } from '../log/writing/journal.ts'
import type { Operator } from './operator.ts'
import type { Upstream } from '../upstream/upstreams.ts'
import type { Identity } from './auth.ts'
import type { Heartbeats } from './heartbeats.ts'

/** Hears of the committed events of one request. */
export interface Listener {
  hear(event: Event): void
}

/** What an endpoint works with. */
export interface Gateway {
  readonly config: Config
  readonly balancer: Balancer
  readonly clock: Clock
  /** When the process started, in ms since 1970. */
  readonly startedAt: number
  readonly heartbeats: Heartbeats
  /** Who hears of the committed events of a request, by its id. */
  readonly listeners: CellMap<string, Listener>
  /** How the event log does. */
  log(): LogHealth
  identify(headers: Headers): Identity
  readonly operator: Operator
  /** Tells the operator of a bug. */
  trouble(message: string): void
  /** How to reach an LLM, by its name. */
  upstream(llm: string): Upstream
}
