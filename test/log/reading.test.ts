import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EVENT_VERSIONS } from '../../src/core/event-versions.ts'
import type { Event, EventType } from '../../src/core/events.ts'
import { createReading } from '../../src/log/catalogue/reading.ts'
import { UPCASTS } from '../../src/log/catalogue/upcast.ts'
import { pack, type Segment, unpack } from '../../src/log/segment.ts'
import { LogError } from '../../src/log/store.ts'
import { event, ticks } from '../support/events.ts'
import { eventsOf, TYPES } from '../support/random-events.ts'

const read = (segment: Segment) => unpack(segment, createReading())
/** Two events, of which the second is as no version of this program writes it. */
const withStrange = (rest: object) => pack([...ticks(1, 41), { ...ticks(1, 42)[0]!, ...rest } as Event])

test.each(TYPES)('%s is read as it was written', (type) => {
  fc.assert(
    fc.property(eventsOf([type]), (events) => {
      expect(read(pack(events))).toEqual(events)
      expect(read(pack(events)).map(({ data }) => Object.keys(data))).toEqual(
        events.map(({ data }) => Object.keys(data)),
      )
    }),
    { numRuns: 20 },
  )
})

test('events of any types in one commit are read as they were written', () => {
  fc.assert(
    fc.property(eventsOf(), (events) => {
      expect(read(pack(events))).toEqual(events)
    }),
    { numRuns: 100 },
  )
})

test('every version that a type has had leads to the current one', () => {
  const steps = TYPES.map((type) => [type, (UPCASTS[type] ?? []).length])
  expect(steps).toEqual(TYPES.map((type) => [type, EVENT_VERSIONS[type] - 1]))
})

test('the start of a process of version 1 does not say what its state rests on', () => {
  const old = { version: '0.1.0', runtime: 'bun 1', seed: 7, config_hash: 'ab', config: { llms: [] } }
  const stored = { ...event(1, 'process.started', old as never), v: 1 } as Event
  expect(read(pack([stored]))).toEqual([
    { ...stored, v: 2, data: { ...old, recovered_at: null, disabled: [] } },
  ])
})

describe('is refused with number, type, reason and advice:', () => {
  const refused = (segment: Segment, text: string | RegExp) => {
    expect(() => read(segment)).toThrow(LogError)
    expect(() => read(segment)).toThrow(text)
  }

  test('a type of a newer version of this program', () => {
    refused(
      withStrange({ type: 'llm.married' }),
      'event 42 (llm.married) has the type "llm.married", which is not known here. It was written by a newer version of this program: use that version, or another event log (event_log.path).',
    )
  })

  test('a newer version of a type', () => {
    refused(
      withStrange({ v: 9 }),
      /event 42 \(timer\.fired\) has version 9 of its data, and 1 is the last one known here\. .* newer version/,
    )
  })

  test.each([0, -1, 1.5, '1', null])('the version %j', (v) => {
    refused(withStrange({ v }), /event 42 \(timer\.fired\) has the version .*, which there never was/)
  })

  test('data with a name too few, or too many', () => {
    refused(
      withStrange({ data: {} }),
      'event 42 (timer.fired) has no "timer" in its data. The file was changed or is damaged, and "llb log check" tells where',
    )
    refused(withStrange({ data: { timer: 1, alarm: 2 } }), 'has "alarm" in its data, which does not belong')
    const twice = { ...pack(ticks(1)), shapes: '[["timer.fired",1,["timer","timer"]]]' }
    refused({ ...twice, events: '[[0,0,null,null,[1,2]]]' }, 'has a name twice')
  })

  test('data of an older version that do not become those of the current one', () => {
    refused(withStrange({ type: 'process.started', v: 1, data: { seed: 1 } }), 'has no "version" in its data')
  })

  test.each([
    '',
    '{}',
    '[1]',
    '[[3,0,null,null,[1]]]',
    '[[0,0,null,null,[1,2]]]',
    '[[0,0,null,null]]',
    '[null]',
  ])('a commit whose events are %j', (events) => {
    refused({ ...pack(ticks(1, 42)), events }, 'damaged: the events from 42 on are no events')
  })

  test.each(['', '{}', '[1]', '[null]', '[["timer.fired",1]]'])('a commit whose kinds are %j', (shapes) => {
    refused({ ...pack(ticks(1, 42)), shapes }, /42/)
  })
})

test('what is strange hinders nobody who reads what comes before it', () => {
  const segments = [pack(ticks(3)), withStrange({ type: 'llm.married' as EventType })]
  const reading = createReading()
  expect(unpack(segments[0]!, reading)).toHaveLength(3)
  expect(() => unpack(segments[1]!, reading)).toThrow(LogError)
  expect(unpack(segments[0]!, reading)).toHaveLength(3)
})
