import { expect, test } from 'vitest'
import type { Event } from '../../../src/core/events.ts'
import { takeChunk } from '../../../src/log/writing/backlog.ts'
import { event, ticks } from '../../support/events.ts'

const decided = (seq: number) => event(seq, 'llm.available', { after: 'cooling', ms: 1 }, { llm: 'A' })

function chunksOf(events: Event[]): number[] {
  const sizes: number[] = []
  while (events.length > 0) sizes.push(takeChunk(events).length)
  return sizes
}

test('a chunk is of 500 events, and ends where a number is left out', () => {
  expect(chunksOf(ticks(1200))).toEqual([500, 500, 200])
  expect(chunksOf([...ticks(3), ...ticks(2, 5)])).toEqual([3, 2])
})

test('a fact and the decisions that follow from it are in one chunk', () => {
  const decisions = Array.from({ length: 20 }, (_, i) => decided(496 + i))
  expect(chunksOf([...ticks(495), ...decisions, ...ticks(600, 516)])).toEqual([515, 500, 100])
})
