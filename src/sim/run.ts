import { type Event, isTerminal, TERMINAL_TYPES } from '../core/events.ts'
import { openWorld, type World, type WorldSetup } from './world.ts'

export interface RunOptions {
  /** Whether to keep the events; without them memory is bounded by what is under way. */
  readonly keep?: boolean
  /** When to stop at the latest, in ms since the start; by default when nothing is left to happen. */
  readonly untilMs?: number
}

export type TerminalType = (typeof TERMINAL_TYPES)[number]

/** What came of a world. */
export interface RunResult {
  readonly world: World
  readonly events: readonly Event[]
  /** How many requests ended in each way. */
  readonly outcomes: Readonly<Record<TerminalType, number>>
  readonly counters: {
    readonly requests: number
    readonly attempts: number
    /** Calls that providers refused for a limit. */
    readonly refused: number
    readonly events: number
    /** Virtual time from the start to the last thing that happened, in ms. */
    readonly elapsedMs: number
  }
}

/** Runs a world until nothing is left to happen. For figures, give observers instead of keeping events. */
export function runWorld(setup: WorldSetup, options: RunOptions = {}): RunResult {
  const { keep = false, untilMs = Number.POSITIVE_INFINITY } = options
  const events: Event[] = []
  const outcomes = Object.fromEntries(TERMINAL_TYPES.map((type) => [type, 0])) as Record<TerminalType, number>
  let [requests, attempts, seen] = [0, 0, 0]
  const counter = {
    event(event: Event) {
      seen++
      if (keep) events.push(event)
      if (event.type === 'request.received') requests++
      else if (event.type === 'request.dispatched') attempts++
      else if (isTerminal(event.type)) outcomes[event.type as TerminalType]++
    },
  }
  const world = openWorld({ ...setup, observers: [counter, ...(setup.observers ?? [])] })
  while (world.clock.nextAt() - world.start <= untilMs && world.step());
  const refused = world.providers
    .flatMap(({ refusals }) => [...refusals.values()])
    .reduce((sum, count) => sum + count, 0)
  const elapsedMs = world.clock.now() - world.start
  return { world, events, outcomes, counters: { requests, attempts, refused, events: seen, elapsedMs } }
}
