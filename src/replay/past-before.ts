import type { Config } from '../config/config.ts'
import type { Event, EventOf } from '../core/events.ts'
import { recover } from '../core/recover.ts'
import type { LogReader } from '../log/store.ts'
import type { PastBefore } from './past.ts'

/** Folds a log up to a place. */
export function pastOf(log: Pick<LogReader, 'first' | 'readFrom'>): PastBefore {
  return (seq) => {
    const started = lastStart(log, seq)
    if (started === null) return null
    const { config_hash: configHash } = started.data
    const config = started.data.config as Config
    const disabled = new Map<string, string>()
    let now = started.at
    function* events(): Generator<Event> {
      for (const event of log.readFrom(log.first().seq)) {
        if (event.seq >= seq) {
          now = event.at
          return
        }
        if (event.type === 'llm.disabled') disabled.set(event.llm!, event.data.because)
        yield event
      }
    }
    const all = [...events()]
    const { llms } = recover(all, config.llms, ({ name }) => disabled.get(name) ?? null, now)
    return { configHash, config, llms }
  }
}

function lastStart(
  log: Pick<LogReader, 'first' | 'readFrom'>,
  seq: number,
): EventOf<'process.started'> | null {
  let last: EventOf<'process.started'> | null = null
  for (const event of log.readFrom(log.first().seq)) {
    if (event.seq >= seq) break
    if (event.type === 'process.started') last = event
  }
  return last
}
