import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Event } from '../../../src/core/events.ts'
import { importLines } from '../../../src/log/lines/import.ts'
import { lineOf } from '../../../src/log/lines/lines.ts'
import { pack, unpack } from '../../../src/log/segment.ts'
import { createReading } from '../../../src/log/catalogue/reading.ts'
import { event, ticks } from '../../support/events.ts'
import { eventsOf } from '../../support/random-events.ts'

/** A log in memory that packs and unpacks as the file does. */
function emptyLog() {
  const segments: ReturnType<typeof pack>[] = []
  const reading = createReading()
  return {
    append(events: readonly Event[]) {
      if (events.length > 0) segments.push(pack(events))
    },
    commits: () => segments.map((segment) => unpack(segment, reading)),
    lines: () => segments.flatMap((segment) => unpack(segment, reading)).map(lineOf),
  }
}

const imported = (lines: readonly string[]) => {
  const log = emptyLog()
  return { log, result: importLines(lines, log) }
}

describe('an import', () => {
  test('gives the log whose export it is, byte for byte', () => {
    fc.assert(
      fc.property(eventsOf(), (events) => {
        const { log, result } = imported(events.map(lineOf))
        expect(result).toEqual({ ok: true, events: events.length, gaps: 0, missing: 0 })
        expect(log.lines()).toEqual(events.map(lineOf))
      }),
      { numRuns: 200 },
    )
  })

  test('of a part of a log says how much is missing, and keeps the numbers', () => {
    const lines = [...ticks(2, 5), ...ticks(3, 10), ...ticks(1, 20)].map(lineOf)
    const { log, result } = imported(lines)
    expect(result).toEqual({ ok: true, events: 6, gaps: 2, missing: 10 })
    expect(log.lines()).toEqual(lines)
  })

  test('keeps no more than two hundred events together', () => {
    const { log } = imported(ticks(500).map(lineOf))
    expect(log.commits().map(({ length }) => length)).toEqual([200, 200, 100])
  })

  test('of nothing is a log without events', () => {
    expect(imported([]).result).toEqual({ ok: true, events: 0, gaps: 0, missing: 0 })
  })

  test('brings events of older versions up to date', () => {
    const old = { version: '0.1.0', runtime: 'bun 1', seed: 7, config_hash: 'ab', config: null }
    const { log } = imported([lineOf({ ...event(1, 'process.started', old as never), v: 1 })])
    expect(log.commits()[0]).toMatchObject([{ v: 2, data: { ...old, recovered_at: null, disabled: [] } }])
  })
})

describe('a line is refused, with its number,', () => {
  const tick = ticks(1, 3)[0]!
  const queued = event(3, 'request.queued', { position: 1, waiting_for: 'x', eta_ms: null })
  const refused = (value: unknown) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return imported([...ticks(2).map(lineOf), text]).result
  }

  test.each<[string, unknown, string]>([
    ['that is empty', '', 'is no JSON'],
    ['that is cut', lineOf(tick).slice(0, -3), 'is no JSON'],
    ['that is a list', [tick], 'is no object'],
    ['whose number was there', { ...tick, seq: 2 }, 'has the number 2 after 2'],
    ['that goes back in time', { ...tick, at: tick.at - 2 }, 'is earlier than the line before it'],
    ['without a number', { ...tick, seq: '3' }, 'has no "seq" that is an integer of at least 1'],
    ['without a time', { ...tick, at: null }, 'has no "at" in ms since 1970'],
    ['with one word too many', { ...tick, when: 1 }, 'has "when", which does not belong there'],
    ['whose data are a list', { ...tick, data: [1] }, 'has no "data" that are an object'],
    ['whose value is of another type', { ...tick, data: { timer: '1' } }, 'data that are not valid: timer: '],
    ['whose value is out of range', { ...tick, data: { timer: -1 } }, 'data that are not valid: timer: '],
    ['whose value is no integer', { ...tick, data: { timer: 0.5 } }, 'data that are not valid: timer: '],
    ['with a name of the language', { ...tick, data: { timer: 1, constructor: 1 } }, 'has "constructor" in'],
    ['with a name of its prototype', `${lineOf(tick).slice(0, -3)},"__proto__":1}}`, 'has "__proto__" in'],
    ['that names a request without cause', { ...tick, request: 'req_1' }, 'is about none'],
    ['that names an LLM without cause', { ...tick, llm: 'A' }, 'is about none'],
    ['that names no request', queued, 'names no request'],
    ['of an unknown type', { ...tick, type: 'toString' }, 'has the type "toString", which is not known'],
    ['of a newer version', { ...tick, v: 2 }, 'has version 2 of its data, and 1 is the last one known'],
  ])('%s', (_, value, problem) => {
    expect(refused(value)).toEqual({ ok: false, line: 3, problem: expect.stringContaining(problem) })
  })
})

/** A change of one place of a text, or of one line of a list. */
const MUTATION = fc.oneof(
  fc.record({ kind: fc.constantFrom('drop', 'double', 'swap'), at: fc.nat() }),
  fc.record({
    kind: fc.constantFrom('cut', 'insert', 'replace'),
    at: fc.nat(),
    with: fc.string({ unit: 'binary' }),
  }),
)

function mutated(lines: readonly string[], mutation: { kind: string; at: number; with?: string }): string[] {
  const line = mutation.at % lines.length
  const text = lines[line]!
  const place = mutation.at % (text.length + 1)
  const put = (...some: string[]) => lines.toSpliced(line, 1, ...some)
  switch (mutation.kind) {
    case 'drop':
      return put()
    case 'double':
      return put(text, text)
    case 'swap':
      return line === 0 ? [...lines] : lines.toSpliced(line - 1, 2, text, lines[line - 1]!)
    case 'cut':
      return put(text.slice(0, place))
    case 'insert':
      return put(text.slice(0, place) + mutation.with + text.slice(place))
    default:
      return put(text.slice(0, place) + mutation.with + text.slice(place + mutation.with!.length))
  }
}

test('whatever is done to an export, its import works or says in a sentence what is wrong', () => {
  let refusals = 0
  fc.assert(
    fc.property(eventsOf(), fc.array(MUTATION, { minLength: 1, maxLength: 3 }), (events, mutations) => {
      const lines = mutations.reduce(
        (some, mutation) => (some.length === 0 ? some : mutated(some, mutation)),
        events.map(lineOf),
      )
      const { log, result } = imported(lines)
      if (result.ok) {
        expect(log.lines()).toHaveLength(result.events)
        return
      }
      refusals++
      expect(result.line).toBeLessThanOrEqual(lines.length)
      expect(result.problem).toMatch(/^(?:is|has|names) .{5,310}$/su)
    }),
    { numRuns: 500 },
  )
  expect(refusals).toBeGreaterThan(100)
})
