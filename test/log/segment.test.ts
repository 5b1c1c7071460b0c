import Database from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { pack, type Segment, unpack } from '../../src/log/segment.ts'
import { SCHEMA } from '../../src/log/sqlite.ts'
import { event, ticks } from '../support/events.ts'
import { arrival } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const TEXT = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', '\u2028', ''))
const NAME = fc.constantFrom('attempt', 'wait_ms', 'limits', 'a"b', 'ä', 'would_refuse')
// JSON has no -0.
const VALUE = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)))

/** What a commit may hold: events of few types, whose data have now these names, now those. */
const EVENTS = fc
  .array(
    fc.record({
      ms: fc.nat(3),
      type: fc.constantFrom('request.queued', 'attempt.finished', 'timer.fired'),
      v: fc.constantFrom(1, 2),
      request: fc.option(TEXT),
      llm: fc.option(TEXT),
      data: fc.dictionary(NAME, VALUE, { noNullPrototype: true }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((drafts) => {
    let at = START
    return drafts.map(({ ms, ...rest }, i) => {
      at += ms
      return { seq: 7 + i, at, ...rest } as Event
    })
  })

/** The events of a segment as the view of the database tells them. */
function viewed({ seq, at, shapes, events }: Segment): Event[] {
  const db = new Database(':memory:')
  db.exec(SCHEMA)
  db.prepare('INSERT INTO segment VALUES (?, ?, ?, ?)').run(seq, at, shapes, events)
  const rows = db.prepare('SELECT * FROM event ORDER BY seq').all() as (Event & { data: string })[]
  db.close()
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) }) as Event)
}

describe('a packed commit', () => {
  test('is unpacked to the same events, the names of their data in the same order', () => {
    fc.assert(
      fc.property(EVENTS, (events) => {
        const unpacked = unpack(pack(events))
        expect(unpacked).toEqual(events)
        expect(unpacked.map(({ data }) => Object.keys(data))).toEqual(
          events.map(({ data }) => Object.keys(data)),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('shows the same events to anybody with SQL', () => {
    fc.assert(
      fc.property(EVENTS, (events) => {
        expect(viewed(pack(events))).toEqual(events)
      }),
      { numRuns: 100 },
    )
  })

  test('names each kind of event once, however many there are', () => {
    const queued = { position: 1, waiting_for: 'tokens_per_min', eta_ms: null }
    const dry = { ...queued, would_refuse: true }
    const { shapes, events } = pack([
      ...ticks(3),
      event(4, 'request.queued', queued, { request: 'r' }),
      event(5, 'request.queued', dry, { request: 's' }),
      event(6, 'request.queued', queued, { request: 't' }),
    ])
    expect(JSON.parse(shapes)).toEqual([
      ['timer.fired', 1, ['timer']],
      ['request.queued', 1, ['position', 'waiting_for', 'eta_ms']],
      ['request.queued', 1, ['position', 'waiting_for', 'eta_ms', 'would_refuse']],
    ])
    expect(JSON.parse(events)[5]).toEqual([1, 5, 't', null, [1, 'tokens_per_min', null]])
  })

  test('of a busy server takes less than half of what its events take one by one', () => {
    const usage = { input_tokens: 20, output_tokens: 50, cached_tokens: 0 }
    const finished = { attempt: 1, status: 200, limits: [], usage, finish_reason: 'stop', first_byte_ms: 2 }
    const events = Array.from({ length: 20 }, (_, i) => [
      event(2 * i + 1, 'request.received', arrival({}), { request: `req_1a2b3c_${i}` }),
      event(2 * i + 2, 'attempt.finished', { ...finished, duration_ms: 2, output_bytes: 549 }),
    ]).flat()
    const { shapes, events: rows } = pack(events)
    expect(shapes.length + rows.length).toBeLessThan(JSON.stringify(events).length / 2)
  })
})
