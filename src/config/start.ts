import type { Policy } from '../core/dispatch-state.ts'
import type { Event, InputData } from '../core/events.ts'
import { createFold, type Fold, foldInto } from '../core/fold.ts'
import { type Recovered, recoverFrom } from '../core/recover.ts'
import type { LlmSpec } from '../core/types.ts'
import { type Deciding, policyOf } from './policy.ts'
import { DAY_MS } from './units.ts'

/** What a process starts with. */
export interface Start {
  readonly policy: Policy
  readonly recovered: Recovered
}

/** Says what a process starts with, and so what all of its decisions rest on besides the facts that come in. */
export type Started = InputData['process.started']

/**
 * The start of a process, from what it says of itself and from the log before it. The serving process starts so, and so
 * does its verification later: nothing else may reach its decisions.
 * `read` gives the events of the log before the process, from an instant on (ms since 1970), in their order.
 */
export function startFrom(started: Started, read: (since: number) => Iterable<Event>): Start {
  const { llms } = started.config as Deciding
  const fold = createFold(llms)
  for (const event of read(started.recovered_at! - memoryMs(llms))) foldInto(fold, event)
  return startFromFold(started, fold)
}

/** The same from what was folded of the log before the process, which is used up. */
export function startFromFold(started: Started, fold: Fold): Start {
  const because = new Map(started.disabled.map(({ llm, because }) => [llm, because]))
  const disabled = (spec: LlmSpec) => because.get(spec.name) ?? null
  const policy = policyOf(started.config as Deciding)
  return { policy, recovered: recoverFrom(fold, disabled, started.recovered_at!) }
}

/** How far back the past matters: twice the longest window, and at least two days. */
export function memoryMs(specs: readonly LlmSpec[]): number {
  const longest = Math.max(
    0,
    ...specs.flatMap(({ limits }) => limits.map((limit) => limit.perMs + limit.guardMs)),
  )
  return 2 * Math.max(longest, DAY_MS)
}
