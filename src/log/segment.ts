import type { Event } from '../core/events.ts'
import { LogError } from './store.ts'

/**
 * One commit as it is stored: the kinds of events in it with the names of their data, each once, and the events as
 * lists of values. The names would be most of all that is written.
 */
export interface Segment {
  /** `seq` and `at` of its first event; the others follow without a gap. */
  readonly seq: number
  readonly at: number
  /** JSON of a list of {@link Shape}. */
  readonly shapes: string
  /** JSON of a list of {@link Row}. */
  readonly events: string
}

/** The type of an event, its version and the names of its data. */
export type Shape = [type: string, v: number, names: string[]]

/**
 * The index of its shape, ms since the first event of the segment, the request, the LLM, and the values of the data.
 */
type Row = [shape: number, ms: number, request: string | null, llm: string | null, values: unknown[]]

/** Packs the events of a commit, at least one, in their order. O(bytes). */
export function pack(events: readonly Event[]): Segment {
  const { seq, at } = events[0]!
  const shapes: Shape[] = []
  const rows = events.map((event) => rowOf(event, at, shapes))
  return { seq, at, shapes: JSON.stringify(shapes), events: JSON.stringify(rows) }
}

/** How the events of one shape are read. */
export interface ShapeReader {
  readonly type: string
  readonly v: number
  /** How many values each has; null where `dataOf` throws for all of them. */
  readonly width: number | null
  /** Throws a LogError when they cannot be read. */
  dataOf(values: readonly unknown[], seq: number): Record<string, unknown>
}

/** Decides how each of the shapes of a segment is read. */
export type Reading = (shapes: string) => readonly ShapeReader[]

/** Reads events as they are stored, in whatever version. */
const asStored: Reading = (shapes) =>
  (JSON.parse(shapes) as Shape[]).map(([type, v, names]) => ({
    type,
    v,
    width: names.length,
    dataOf: (values) => dataOf(names, values),
  }))

/** The events of a commit. Throws a LogError when they cannot be read. O(bytes). */
export function unpack(segment: Segment, reading: Reading = asStored): Event[] {
  try {
    return unpacked(segment, reading)
  } catch (error) {
    if (error instanceof LogError) throw error
    throw new LogError(
      `The event log is damaged: the events from ${segment.seq} on are no events. Use a copy of the file, or another event log (event_log.path).`,
    )
  }
}

function unpacked({ seq, at, shapes, events }: Segment, reading: Reading): Event[] {
  const readers = reading(shapes)
  const rows = JSON.parse(events) as Row[]
  return rows.map(([shape, ms, request, llm, values], i) => {
    const { type, v, width, dataOf } = readers[shape]!
    if (width !== null && values.length !== width) throw new Error('values without names')
    return { seq: seq + i, at: at + ms, type, v, request, llm, data: dataOf(values, seq + i) } as Event
  })
}

function rowOf(event: Event, from: number, shapes: Shape[]): Row {
  const { at, request, llm, data } = event
  return [shapeOf(event, shapes), at - from, request, llm, Object.values(data)]
}

/** The index of an event's shape, which is added where it is new. */
function shapeOf({ type, v, data }: Event, shapes: Shape[]): number {
  const known = shapes.findIndex((shape) => shape[0] === type && shape[1] === v && hasNames(data, shape[2]))
  return known < 0 ? shapes.push([type, v, Object.keys(data)]) - 1 : known
}

/** Whether these are the names of the data, in their order. */
function hasNames(data: object, names: readonly string[]): boolean {
  let i = 0
  for (const name in data) if (names[i++] !== name) return false
  return i === names.length
}

export function dataOf(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (let i = 0; i < names.length; i++) data[names[i]!] = values[i]
  return data
}
