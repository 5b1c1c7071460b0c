import type { Config } from '../../config/config.ts'
import { configHash } from '../../config/redact.ts'
import type { EventOf } from '../../core/events.ts'
import type { LogReader } from '../../log/store.ts'
import type { Difference } from './difference.ts'
import { type Execution, execute } from './execution.ts'
import { foldBefore, holdsPast } from '../state-at.ts'

type Start = EventOf<'process.started'>

/** What became of an attempt to start a process again: it is under way, or it cannot be, or its start is wrong. */
export type Begun =
  | { readonly execution: Execution }
  | { readonly because: string }
  | { readonly difference: Difference }

const PAST_IS_GONE = 'the log does not hold all that this process started from any more'
const SAYS_TOO_LITTLE = 'the version that recorded this process does not say what it started from'

/** Starts the process of this event again, where the log holds all that it started from. */
export function begin(log: LogReader, event: Start): Begun {
  const { config, config_hash: hash, recovered_at: now } = event.data
  const wrong = (kind: Difference['kind'], message: string): Begun => ({
    difference: { seq: event.seq, kind, message, recorded: event, executed: null },
  })
  // Version 1 said neither; null is what it is read as.
  if (config === null || (now ?? null) === null) return { because: SAYS_TOO_LITTLE }
  if (hash !== '' && configHash(config as Config) !== hash)
    return wrong('config', 'its configuration does not have the hash that stands with it')
  try {
    if (!holdsPast(log, event.data, event.seq)) return { because: PAST_IS_GONE }
    return { execution: execute(event, foldBefore(log, event.data, event.seq)) }
  } catch (error) {
    return wrong('broken', `the process cannot be started: ${(error as Error).message}`)
  }
}
