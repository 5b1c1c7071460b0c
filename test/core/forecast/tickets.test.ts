import { describe, expect, test } from 'vitest'
import type { Outlook } from '../../../src/core/forecast/forecast.ts'
import type { Pending } from '../../../src/core/queue/queue.ts'
import {
  createTickets,
  giveTicket,
  isExpected,
  startingBy,
  TICKETS_MOST,
  type Tickets,
  takeTicket,
} from '../../../src/core/forecast/tickets.ts'
import { pending } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const offer = {
  llm: 0,
  cost: { inputTokens: 10, outputTokens: 10 },
  costPart: 0,
  qualityPart: 0,
  serveMs: 0,
  fastestMs: 0,
}
const outlook: Outlook = { at: START + 50_000, because: null, offer, score: 0 }

function refused(waitMs: number, ...requests: Pending[]): Tickets {
  const tickets = createTickets()
  for (const request of requests) giveTicket(tickets, request, { now: START, waitMs, outlook })
  return tickets
}

describe('a ticket', () => {
  test('is good from the told instant on, for a quarter of the wait', () => {
    const comes = (afterMs: number) => takeTicket(refused(40_000, pending()), pending(), START + afterMs)
    expect([39_999, 40_000, 48_000, 50_000, 50_001].map(comes)).toEqual([false, true, true, true, false])
  })

  test('is good for two seconds after a short wait', () => {
    const comes = (afterMs: number) => takeTicket(refused(1000, pending()), pending(), START + afterMs)
    expect([999, 1000, 3000, 3001].map(comes)).toEqual([false, true, true, false])
  })

  test('is good once, for a request that is the same in all that is its own', () => {
    const tickets = refused(1000, pending())
    const others: Partial<Pending>[] = [
      { client: 'another' },
      { priority: 'high' },
      { inputTokens: 11 },
      { outputTokens: null },
      { choices: 2 },
      { bodyBytes: 11 },
      { eligible: [0, 1] },
    ]
    for (const rest of others) expect(takeTicket(tickets, pending(rest), START + 1000)).toBe(false)
    expect([1, 2].map(() => takeTicket(tickets, pending(), START + 1000))).toEqual([true, false])
  })

  test('is given to each of several that are the same', () => {
    const tickets = refused(1000, pending(), pending())
    expect([1, 2, 3].map(() => takeTicket(tickets, pending(), START + 1500))).toEqual([true, true, false])
  })

  test('stays with a request that comes too early', () => {
    const tickets = refused(1000, pending())
    expect(takeTicket(tickets, pending(), START + 500)).toBe(false)
    expect(isExpected(tickets, pending())).toBe(true)
    expect(startingBy(tickets, START + 49_999)).toBe(0)
    expect(startingBy(tickets, START + 50_000)).toBe(1)
    expect(takeTicket(tickets, pending(), START + 1000)).toBe(true)
    expect(isExpected(tickets, pending())).toBe(false)
    expect(startingBy(tickets, START + 50_000)).toBe(0)
  })
})

test('what is over is let go, and of one client only so much is kept', () => {
  const many = (client: string) => Array.from({ length: TICKETS_MOST + 5 }, () => pending({ client }))
  const tickets = refused(1000, ...many('a'), ...many('b'))
  expect(tickets.byStart.items.length).toBe(2 * TICKETS_MOST)
  takeTicket(tickets, pending(), START + 3001)
  expect([tickets.byStart.items.length, tickets.byEnd.items.length, tickets.byKey.size]).toEqual([0, 0, 0])
})
