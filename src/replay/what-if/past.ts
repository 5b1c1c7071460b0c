import type { Deciding } from '../../config/policy.ts'
import { memoryMs } from '../../config/start.ts'
import type { EventOf } from '../../core/events.ts'
import { createFold, type Fold, foldInto } from '../../core/fold.ts'
import type { LogReader, Position } from '../../log/store.ts'
import type { Translation } from './translate.ts'
import { bookPast, type Providers } from './providers.ts'

/** What was before the part of a log that is looked at, as another configuration would have seen it. */
export interface OtherPast {
  readonly fold: Fold
  /** Requests that waited at its end, in the order in which they came. */
  readonly waiting: readonly EventOf<'request.received'>[]
}

/** What another configuration makes of it. */
interface Other {
  readonly config: Deciding
  readonly translation: Translation
  readonly providers: Providers
}

/**
 * Folds what came before `seq`, under the limits of another configuration: what was used counts. What was under way is
 * charged in full as of `at`. Reads as far back as the limits can see. Memory: by what was under way at once.
 */
export function pastOf(
  log: LogReader,
  { seq, at }: Position,
  { config, translation, providers }: Other,
): OtherPast {
  const fold = createFold(config.llms)
  const received = new Map<string, EventOf<'request.received'>>()
  for (const recorded of log.read(at - memoryMs(config.llms))) {
    if (recorded.seq >= seq) break
    const event = translation.translated(recorded)
    foldInto(fold, event)
    if (event.request === null) continue
    if (event.type === 'request.received') received.set(event.request, event)
    const open = received.get(event.request)
    if (open !== undefined) bookPast(providers, open.data.output_tokens, event)
    if (!fold.open.has(event.request)) received.delete(event.request)
  }
  providers.endAll(at)
  const waiting = [...received].filter(([id]) => fold.open.get(id)?.attempt === null)
  return { fold, waiting: waiting.map(([, event]) => event) }
}
