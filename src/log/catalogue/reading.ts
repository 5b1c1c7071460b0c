import { EVENT_VERSIONS } from '../../core/event-versions.ts'
import type { EventType } from '../../core/events.ts'
import { dataOf, type Reading, type Shape, type ShapeReader } from '../segment.ts'
import { LogError } from '../store.ts'
import { CATALOGUE, isType } from './catalogue.ts'
import { type Data, upcast } from './upcast.ts'

/** Lists of shapes that are remembered; a server writes the same few hundred again and again. */
const KNOWN_MAX = 1_000

const OTHER_FILE = 'or another event log (event_log.path)'
const NEWER = `It was written by a newer version of this program: use that version, ${OTHER_FILE}.`
const CHANGED = `The file was changed or is damaged, and "llb log check" tells where: use a copy of it, ${OTHER_FILE}.`

/**
 * Reads events of every version that there has been as the current one. What has to be done is decided once for each
 * shape, so that current events cost nothing more. A type or a version that is not known, and data with other names
 * than the catalogue has, are refused: an event is read as it was meant or not at all.
 */
export function createReading(): Reading {
  const known = new Map<string, readonly ShapeReader[]>()
  return (shapes) => {
    const readers = known.get(shapes)
    if (readers !== undefined) return readers
    if (known.size >= KNOWN_MAX) known.clear()
    const fresh = (JSON.parse(shapes) as Shape[]).map(readerOf)
    known.set(shapes, fresh)
    return fresh
  }
}

function readerOf([type, v, names]: Shape): ShapeReader {
  const problem = versionProblem(type, v)
  if (problem !== null) return refusing(type, v, problem)
  const current = type as EventType
  if (v === EVENT_VERSIONS[current]) {
    const wrong = namesProblem(current, names)
    if (wrong !== null) return refusing(type, v, `${wrong}. ${CHANGED}`)
    return { type, v, width: names.length, dataOf: (values) => dataOf(names, values) }
  }
  return {
    type,
    v: EVENT_VERSIONS[current],
    width: names.length,
    dataOf(values, seq) {
      const data = upcast(current, v, dataOf(names, values))
      const wrong = namesProblem(current, Object.keys(data))
      if (wrong !== null) throw refused(type, seq, `${wrong}. ${CHANGED}`)
      return data
    },
  }
}

/** Why a type of event in a version cannot be read; null when it can. */
export function versionProblem(type: unknown, v: unknown): string | null {
  if (!isType(type)) return `has the type "${String(type)}", which is not known here. ${NEWER}`
  if (!Number.isSafeInteger(v) || (v as number) < 1)
    return `has the version ${String(v)}, which there never was. ${CHANGED}`
  const current = EVENT_VERSIONS[type]
  return (v as number) > current
    ? `has version ${v} of its data, and ${current} is the last one known here. ${NEWER}`
    : null
}

/** What is wrong with the names of an event's data; null when they are those of the catalogue, in any order. */
export function namesProblem(type: EventType, names: readonly string[]): string | null {
  const { entries } = CATALOGUE[type].data as { entries: Readonly<Record<string, { readonly type: string }>> }
  const extra = names.find((name) => !Object.hasOwn(entries, name))
  if (extra !== undefined) return `has "${extra}" in its data, which does not belong there`
  const missing = Object.keys(entries).find(
    (name) => entries[name]!.type !== 'exact_optional' && !names.includes(name),
  )
  if (missing !== undefined) return `has no "${missing}" in its data`
  return new Set(names).size === names.length ? null : 'has a name twice in its data'
}

function refusing(type: string, v: number, problem: string): ShapeReader {
  return {
    type,
    v,
    width: null,
    dataOf(_values, seq): Data {
      throw refused(type, seq, problem)
    },
  }
}

function refused(type: string, seq: number, problem: string): LogError {
  return new LogError(`The event log cannot be read: event ${seq} (${type}) ${problem}`)
}
