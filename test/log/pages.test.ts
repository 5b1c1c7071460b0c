import { expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { inPages } from '../../src/log/pages.ts'
import { ticks } from '../support/events.ts'

test('a log is read a page at a time, and no read is open while a page is looked at', () => {
  const events = ticks(10_000)
  let [open, longest] = [0, 0]
  function* readFrom(from: number): Generator<Event> {
    open++
    let read = 0
    try {
      for (const event of events) {
        if (event.seq < from) continue
        longest = Math.max(longest, ++read)
        yield event
      }
    } finally {
      open--
    }
  }
  const seen: number[] = []
  for (const { seq } of inPages({ readFrom }, 5)) {
    expect(open).toBe(0)
    seen.push(seq)
  }
  expect(seen).toEqual(events.slice(4).map(({ seq }) => seq))
  expect(longest).toBeLessThan(events.length / 2)
})

test('the pages of a log that ends with one are complete', () => {
  const events = ticks(4000)
  const readFrom = (from: number) => events.filter(({ seq }) => seq >= from).values()
  expect([...inPages({ readFrom }, 0)]).toEqual(events)
})
