import type { Outlook } from './forecast.ts'
import { countFront, createHeap, type Heap, push, removeAt } from '../queue/heap.ts'
import { countOf, createPromised, type KeptPlace, type Promised, promise, release } from './promised.ts'
import { type Pending, rankOf } from '../queue/queue.ts'

/**
 * The place of a request that was refused early and told when to come again. It is good from then on, as long as a
 * wait may be off, and a little more. A request is known again by its client and by all that is its own.
 */
interface Ticket extends KeptPlace {
  readonly key: string
  /** Between when it is good, and when the request is to start then, in ms since 1970. */
  readonly at: number
  readonly until: number
  readonly startsAt: number
  startIndex: number
  endIndex: number
}

export interface Tickets {
  /** Alike ones in the order in which they were given. */
  readonly byKey: Map<string, Ticket[]>
  readonly byStart: Heap<Ticket>
  readonly byEnd: Heap<Ticket>
  readonly promised: Promised
}

/** A wait may be off by a fifth, or a second; a quarter, or two, leaves time for the way. */
const LATE_BY = 4
const LATE_MS_LEAST = 2000
/** Beyond so many it is all the same how many start before. */
const COUNTED_MOST = 200
/** So many places are kept for a client in a band; what is refused beyond that is told a time and no more. */
export const TICKETS_MOST = 1000

export function createTickets(): Tickets {
  return {
    byKey: new Map(),
    byStart: createHeap<Ticket>(
      (a, b) => a.startsAt < b.startsAt,
      (ticket, i) => {
        ticket.startIndex = i
      },
    ),
    byEnd: createHeap<Ticket>(
      (a, b) => a.until < b.until,
      (ticket, i) => {
        ticket.endIndex = i
      },
    ),
    promised: createPromised(),
  }
}

/** What a refused request was told: to wait for so long, since it can start then. */
export interface Appointment {
  /** In ms since 1970. */
  readonly now: number
  readonly waitMs: number
  readonly outlook: Outlook
}

/** Keeps a place for a request that was told to come again. O(log tickets). */
export function giveTicket(
  { byKey, byStart, byEnd, promised }: Tickets,
  pending: Pending,
  { now, waitMs, outlook: { at: startsAt, offer } }: Appointment,
): void {
  const { llm, cost } = offer
  const { client, clientWeight } = pending
  const key = keyOf(pending)
  const at = now + waitMs
  const until = at + Math.max(Math.ceil(waitMs / LATE_BY), LATE_MS_LEAST)
  const place = { client, clientWeight, rank: rankOf(pending), llm, cost }
  if (countOf(promised, place) >= TICKETS_MOST) return
  const ticket = { ...place, key, at, until, startsAt, startIndex: -1, endIndex: -1 }
  push(byStart, ticket)
  push(byEnd, ticket)
  const alike = byKey.get(key)
  if (alike === undefined) byKey.set(key, [ticket])
  else alike.push(ticket)
  promise(promised, ticket)
}

/**
 * Takes the ticket of a request that comes as it was told; false when it has none. Amortised O(log tickets + alike
 * ones).
 */
export function takeTicket(tickets: Tickets, pending: Pending, now: number): boolean {
  const { byEnd, byKey } = tickets
  if (byKey.size === 0) return false
  while (byEnd.items[0] !== undefined && byEnd.items[0].until < now) drop(tickets, byEnd.items[0], false)
  const ticket = byKey.get(keyOf(pending))?.find(({ at, until }) => at <= now && now <= until)
  if (ticket === undefined) return false
  drop(tickets, ticket, true)
  return true
}

/** Whether a ticket was given to a request that was the same, or to this one, which comes too early. */
export function isExpected({ byKey }: Tickets, pending: Pending): boolean {
  return byKey.has(keyOf(pending))
}

/** How many of those with a ticket are to start by an instant; a few more than `COUNTED_MOST` stand for all. */
export function startingBy({ byStart }: Tickets, at: number): number {
  const count = countFront(byStart, ({ startsAt }) => startsAt <= at, COUNTED_MOST)
  return count > COUNTED_MOST ? byStart.items.length : count
}

function drop({ byKey, byStart, byEnd, promised }: Tickets, ticket: Ticket, isClaimed: boolean): void {
  removeAt(byStart, ticket.startIndex)
  removeAt(byEnd, ticket.endIndex)
  const alike = byKey.get(ticket.key)!
  alike.splice(alike.indexOf(ticket), 1)
  if (alike.length === 0) byKey.delete(ticket.key)
  release(promised, ticket, isClaimed)
}

function keyOf(pending: Pending): string {
  const { client, priority, eligible, inputTokens, outputTokens, choices, bodyBytes } = pending
  const own = [priority, inputTokens, outputTokens, choices, bodyBytes, eligible.join()]
  return `${own.join('|')}|${client}`
}
