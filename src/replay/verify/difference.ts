import { isInput } from '../../core/event-versions.ts'
import type { Event } from '../../core/events.ts'
import type { Execution } from './execution.ts'
import { same } from '../same.ts'

/**
 * How a log differs from what its own facts lead to.
 * - `decision`: another decision, or one too many or too few
 * - `gap`: events are missing, or stand twice
 * - `time`: the time goes back
 * - `request`: a request has an id that does not belong to its place
 * - `timer`: a timer fires that is not armed, or too early
 * - `config`: a configuration does not have the hash that stands with it
 * - `broken`: the facts cannot be executed at all
 */
export type DifferenceKind = 'decision' | 'gap' | 'time' | 'request' | 'timer' | 'config' | 'broken'

/** The first place at which a log is not what its own facts lead to. */
export interface Difference {
  /** Where it shows: the `seq` of `recorded`, or the one after the last event. */
  readonly seq: number
  readonly kind: DifferenceKind
  /** For people. */
  readonly message: string
  /** What stands in the log; null where it ends. */
  readonly recorded: Event | null
  /** What comes out when the facts before are executed again; null where nothing does. */
  readonly executed: Event | null
}

/** Compares the next event of a process with what comes out of its execution; null where that is the same. */
export function compare(execution: Execution, recorded: Event): Difference | null {
  const wrong = feed(execution, recorded)
  if (wrong !== null) return { seq: recorded.seq, ...wrong, recorded, executed: null }
  const executed = execution.produced.shift() ?? null
  return executed !== null && isSame(recorded, executed) ? null : other(execution, recorded, executed)
}

/** What a process decided and did not record before it ended; `recorded` comes instead, null at the end of the log. */
export function unrecorded({ produced }: Execution, recorded: Event | null): Difference | null {
  const executed = produced[0]
  if (executed === undefined) return null
  const message = 'the process ends without a decision that follows from what it recorded'
  return { seq: recorded?.seq ?? executed.seq, kind: 'decision', message, recorded, executed }
}

/** Executes a fact, unless something is still to be recorded before it. */
function feed({ produced, take }: Execution, event: Event): Pick<Difference, 'kind' | 'message'> | null {
  if (produced.length > 0 || !isInput(event)) return null
  try {
    const message = take(event)
    if (message === null) return null
    return { kind: event.type === 'timer.fired' ? 'timer' : 'request', message }
  } catch (error) {
    return { kind: 'broken', message: `its execution fails: ${(error as Error).message}` }
  }
}

function other({ broken }: Execution, recorded: Event, executed: Event | null): Difference {
  const message = broken === null ? wordsFor(recorded, executed) : `a bug ends the process here: ${broken}`
  return { seq: recorded.seq, kind: broken === null ? 'decision' : 'broken', message, recorded, executed }
}

function wordsFor(recorded: Event, executed: Event | null): string {
  if (executed === null) return 'nothing that was recorded before leads to this decision'
  if (isInput(recorded)) return 'a decision is missing before this fact'
  return recorded.type === executed.type ? 'the decision is another one' : 'another decision comes here'
}

/** Versions may differ: a log of an earlier version is read as one of this. What a bug is called, each runtime says. */
function isSame(one: Event, two: Event): boolean {
  const { type, at, request, llm, data } = one
  if (type !== two.type || at !== two.at || request !== two.request || llm !== two.llm) return false
  return type === 'llm.crashed' || same(data, two.data)
}
