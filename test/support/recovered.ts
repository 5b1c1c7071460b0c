import type { Event } from '../../src/core/events.ts'
import { createFold, foldInto } from '../../src/core/fold.ts'
import { type Disabled, type Recovered, recoverFrom } from '../../src/core/recover.ts'
import type { LlmSpec } from '../../src/core/types.ts'

/** What a process starts with at `now` over these events, oldest first. */
export function recover(
  events: Iterable<Event>,
  specs: readonly LlmSpec[],
  disabled: Disabled,
  now: number,
): Recovered {
  const fold = createFold(specs)
  for (const event of events) foldInto(fold, event)
  return recoverFrom(fold, disabled, now)
}
