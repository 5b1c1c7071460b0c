import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Account, blockOf, type Cost, fits, settleAll } from '../../src/core/limits/account.ts'
import { costOn, isOpen } from '../../src/core/matching/choose.ts'
import type { EventOf } from '../../src/core/events.ts'
import type { Pending } from '../../src/core/queue/queue.ts'
import { candidatesOf, createRound, isBestNow, offersFor } from '../../src/core/matching/round.ts'
import { shapeOf } from '../../src/core/queue/shape.ts'
import { PRIORITIES } from '../../src/core/types.ts'
import { limit, llm } from '../support/llms.ts'
import { play, scenarios } from '../support/scenario.ts'
import { openWorld, type World } from '../support/world.ts'

/** `LLB_TEST_RUNS=20000` makes it a campaign. */
const numRuns = Number(process.env.LLB_TEST_RUNS ?? 150)
const wild = { mostUsed: 1.8, reports: true }
/** Queues so short that each request is looked at on its own, and long ones that are planned. */
const short = scenarios({ ...wild, mostWaiting: 12, crowded: true })
const long = scenarios({ ...wild, mostArrivals: 120, crowded: true })
const longOnOne = scenarios({ ...wild, mostArrivals: 120, mostLlms: 1, crowded: true })
/** From here on there is a plan. */
const PLANNED_FROM = 20

const waitingIn = ({ balancer: { state } }: World) => [...state.queue.byId.values()]
const laneOf = (pending: Pending) => `${pending.client} ${shapeOf(pending).key} ${pending.place?.band}`
const isDueBefore = (a: Pending, b: Pending) => a.deadline - b.deadline || a.seq - b.seq

/** The first request of each lane, by brute force. */
function headsIn(world: World): Pending[] {
  const heads = new Map<string, Pending>()
  for (const pending of waitingIn(world).toSorted(isDueBefore))
    if (!heads.has(laneOf(pending))) heads.set(laneOf(pending), pending)
  return [...heads.values()]
}

/** The LLMs in whose room a request could start now, and what it takes there. */
function roomFor(pending: Pending, { balancer: { views }, clock }: World): { llm: number; cost: Cost }[] {
  return candidatesOf(pending, { views })
    .map((i) => ({ llm: i, cost: costOn(views[i]!, pending) }))
    .filter(({ llm: i, cost }) => isOpen(views[i]!) && fits(views[i]!.account, cost, clock.now()))
}

/** Events after which all that waits is looked at. */
const LOOKS_AGAIN: ReadonlySet<string> = new Set([
  'attempt.finished',
  'attempt.failed',
  'request.abandoned',
  'timer.fired',
])

/** Calls `look` after each step of a scenario with the events of that step and what waited before it. */
function eachStep(
  kind: typeof short,
  look: (world: World, events: World['events'], before: readonly Pending[]) => void,
  runs = numRuns,
): void {
  // A long scenario takes minutes to shrink.
  const check = (scenario: Parameters<typeof play>[0]) => {
    let seen = 0
    let before: Pending[] = []
    play(scenario, (world) => {
      look(world, world.events.slice(seen), before)
      seen = world.events.length
      before = waitingIn(world)
    })
  }
  fc.assert(fc.property(kind, check), { numRuns: runs, endOnFailure: true })
}

/** Which of an LLM's rooms were free before these dispatches. */
function before(account: Account, dispatched: readonly EventOf<'request.dispatched'>[], at: number): Account {
  const copy = structuredClone(account)
  for (const { request, data } of dispatched)
    settleAll(copy, `${request}#${data.attempt}`, { inputTokens: 0, outputTokens: 0 }, false, at)
  return copy
}

/** The requests that left the queue for an LLM, and their dispatches. */
function startsFrom(waited: readonly Pending[], events: World['events']) {
  const dispatched = events.filter((event) => event.type === 'request.dispatched')
  return dispatched.flatMap((event, i) => {
    const pending = waited.find(({ id }) => id === event.request)
    return pending === undefined ? [] : [{ pending, event, since: dispatched.slice(i) }]
  })
}

/** Up a band after half of its longest wait, and another after three quarters. */
function bandOf({ priority, at, deadline }: Pending, now: number): number {
  const rank = PRIORITIES.indexOf(priority)
  const steps = [0.5, 0.75].filter((part) => now >= at + (deadline - at) * part).length
  return Math.max(0, rank - steps)
}

describe('room is used', () => {
  test('nobody waits where there is room, unless he does better to wait or is held with his burst', () => {
    eachStep(short, (world, events) => {
      const { state, views } = world.balancer
      const isHeld = state.gathering.until !== Number.POSITIVE_INFINITY
      if (!events.some(({ type }) => LOOKS_AGAIN.has(type)) || isHeld) return
      if (state.queue.byId.size >= PLANNED_FROM) return
      const ports = { views, tell: () => {}, decide: () => {} }
      const round = createRound(state, ports, world.clock.now())
      for (const head of headsIn(world)) {
        for (const room of roomFor(head, world)) {
          const offer = offersFor(round, head).find((one) => one.llm === room.llm)!
          expect(isBestNow(round, head.place!.band, head, offer), head.id).toBe(false)
        }
      }
    })
  })

  test('nobody waits beside room in the only LLM that he may go to', () => {
    eachStep(long, (world, events) => {
      const { state, views } = world.balancer
      if (!events.some(({ type }) => LOOKS_AGAIN.has(type)) || state.reserved !== null) return
      if (state.gathering.until !== Number.POSITIVE_INFINITY) return
      for (const head of headsIn(world))
        if (candidatesOf(head, { views }).length === 1) expect(roomFor(head, world), head.id).toEqual([])
    })
  })

  test('a timer is armed for the first instant at which somebody could start', () => {
    eachStep(short, (world) => {
      const { state, views } = world.balancer
      const now = world.clock.now()
      for (const head of headsIn(world)) {
        for (const i of candidatesOf(head, { views })) {
          const view = views[i]!
          const block = blockOf(view.account, costOn(view, head), now)
          if (!isOpen(view) || block === null || !Number.isFinite(block.until)) continue
          const armed = Math.min(...views.map(({ wakeAt }) => wakeAt))
          expect(armed, `${head.id} on ${view.spec.name}, ${state.queue.byId.size} wait`).toBeLessThanOrEqual(
            block.until,
          )
        }
      }
    })
  })
})

describe('the order', () => {
  test('nobody is served while somebody of a higher band waits who would have fitted', () => {
    eachStep(longOnOne, (world, events, waited) => {
      const [view] = world.balancer.views
      const now = world.clock.now()
      for (const { pending, since } of startsFrom(waited, events)) {
        // Its room was kept, because it had been passed over for too long.
        if (world.balancer.state.reserved?.pending === pending) continue
        const room = before(view!.account, since, now)
        for (const head of headsIn(world)) {
          const isHigher = bandOf(head, now) < bandOf(pending, now) && waited.includes(head)
          if (isHigher) expect(fits(room, costOn(view!, head), now), `${head.id} < ${pending.id}`).toBe(false)
        }
      }
    })
  })

  test('of one client, one of two alike requests is served first if it is due first', () => {
    const laneAt = (pending: Pending, now: number) => `${pending.client} ${bandOf(pending, now)}`
    eachStep(long, (world, events, waited) => {
      const now = world.clock.now()
      for (const { pending, event } of startsFrom(waited, events)) {
        const key = shapeOf({ ...pending, attempts: event.data.attempt - 1 }).key
        for (const other of waitingIn(world)) {
          const isAlike = shapeOf(other).key === key && laneAt(other, now) === laneAt(pending, now)
          // One that was not expected in time when it came stands back behind those that were.
          const isPromised = other.place!.startsAt <= other.deadline
          if (isAlike && isPromised && waited.includes(other))
            expect(isDueBefore(pending, other)).toBeLessThan(0)
        }
      }
    })
  })
})

describe('between clients', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 40, maxLength: 80 })
  const weights = fc.record({ a: fc.constantFrom(1, 2, 5), b: fc.constantFrom(1, 3) })

  test('what two get who always have more to send differs by two of the largest at most, by weight', () => {
    const check = (sizesOfA: number[], sizesOfB: number[], clientWeights: { a: number; b: number }) => {
      const world = openWorld({
        specs: [llm('A', { limits: [limit('concurrency', 1)] })],
        policy: { clientWeights },
      })
      const send = (client: 'a' | 'b') => (size: number) =>
        world.arrives({ client, input_tokens: size, output_tokens: size, max_wait_ms: 1e9 })
      world.arrives({ client: 'first' })
      sizesOfA.forEach(send('a'))
      sizesOfB.forEach(send('b'))
      let lead = 0
      let [most, least, largest] = [0, 0, 0]
      for (;;) {
        const [running] = world.balancer.state.running.values()
        world.finishes(running!.pending.id)
        const clients = new Set(waitingIn(world).map(({ client }) => client))
        if (clients.size < 2) break
        const { pending, cost } = [...world.balancer.state.running.values()][0]!
        const charge = (cost.inputTokens + 2 * cost.outputTokens) / pending.clientWeight
        lead += pending.client === 'a' ? charge : -charge
        largest = Math.max(largest, charge)
        most = Math.max(most, lead)
        least = Math.min(least, lead)
      }
      // Every interval lies between the highest and the lowest lead. A thousandth for each rounding.
      expect(most - least).toBeLessThanOrEqual(2 * largest + 0.2)
    }
    fc.assert(fc.property(sizes, sizes, weights, check), { numRuns: Math.ceil(numRuns / 3) })
  })
})
