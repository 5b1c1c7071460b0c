import type { Event } from '../../core/events.ts'
import { parseEvent } from '../catalogue/parse.ts'
import type { LogStore } from '../store.ts'

/** Events that become one segment. */
const BATCH = 200

export type Imported =
  | { readonly ok: true; readonly events: number; readonly gaps: number; readonly missing: number }
  | { readonly ok: false; readonly line: number; readonly problem: string }

/**
 * Puts the events of an export, line by line, into an empty log. It stops at the first line that is no event in its
 * place; what the log holds then is of no use. Numbers may be missing, where the export was not of everything.
 * Memory: O(one batch).
 */
export function importLines(lines: Iterable<string>, store: Pick<LogStore, 'append'>): Imported {
  let batch: Event[] = []
  let last: Pick<Event, 'seq' | 'at'> | null = null
  let line = 0
  let gaps = 0
  let missing = 0
  const wrong = (problem: string): Imported => ({ ok: false, line, problem })
  for (const text of lines) {
    line++
    const value = parsed(text)
    if (value === undefined) return wrong('is no JSON')
    const result = parseEvent(value)
    if (!result.ok) return wrong(result.problem)
    const { event } = result
    if (last !== null && event.seq <= last.seq) return wrong(`has the number ${event.seq} after ${last.seq}`)
    if (last !== null && event.at < last.at) return wrong('is earlier than the line before it')
    const gap = last === null ? 0 : event.seq - last.seq - 1
    if (gap > 0) gaps++
    missing += gap
    if (gap > 0 || batch.length === BATCH) {
      store.append(batch)
      batch = []
    }
    batch.push(event)
    last = event
  }
  store.append(batch)
  return { ok: true, events: line, gaps, missing }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
