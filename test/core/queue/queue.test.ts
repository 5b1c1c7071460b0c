import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  aheadOf,
  createQueue,
  dequeue,
  type Expected,
  enqueue,
  nextDeadline,
  type Pending,
  passedBy,
  plannedFor,
  positionOf,
  promote,
  type Queue,
  sizeOf,
  takeExpired,
} from '../../../src/core/queue/queue.ts'
import { PRIORITIES, type Priority } from '../../../src/core/types.ts'
import { pending } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const cost = { inputTokens: 3, outputTokens: 4 }
const expectedOn = (llm: number): Expected => ({ llm, at: START, cost })

function given(...requests: Pending[]) {
  const queue = createQueue()
  const positions = requests.map((request) => enqueue(queue, request, null))
  return { queue, positions }
}

/** The requests of each band, those of a client by the order in which they would be served. */
const bandsOf = (queue: Queue) =>
  queue.bands.map(({ flows }) =>
    [...flows.values()].flatMap(({ lanes }) => [...lanes.values()].flatMap(({ heap }) => heap.items)),
  )

describe('the queue', () => {
  test('keeps each priority in a band of its own, and in it first what is due first, then the older', () => {
    const late = pending()
    const due = pending({ deadline: START + 1 })
    const older = pending()
    const [low, high] = [pending({ priority: 'low' }), pending({ priority: 'high' })]
    const { queue } = given(late, due, older, low, high)
    expect(bandsOf(queue)).toEqual([[high], [due, late, older], [low]])
  })

  test('tells the position of the last to come: after all of higher bands, and its own of the same', () => {
    const { positions } = given(
      pending(),
      pending({ priority: 'low' }),
      pending(),
      pending({ priority: 'low' }),
      pending({ priority: 'high' }),
    )
    expect(positions).toEqual([1, 2, 2, 4, 1])
  })

  test('counts of other clients only as many as are served meanwhile', () => {
    const { queue } = given(...Array.from({ length: 9 }, () => pending({ client: 'many' })))
    expect(aheadOf(queue, 1, { client: 'new', clientWeight: 1 })).toBe(1)
    expect(aheadOf(queue, 1, { client: 'half', clientWeight: 0.5 })).toBe(2)
    expect(aheadOf(queue, 1, { client: 'many', clientWeight: 1 })).toBe(9)
    expect(aheadOf(queue, 2, { client: 'new', clientWeight: 1 })).toBe(9)
  })

  test('finds and gives up a request once', () => {
    const request = pending()
    const { queue } = given(request, pending())
    expect(queue.byId.get(request.id)).toBe(request)
    expect([sizeOf(queue), queue.bytes]).toEqual([2, 20])
    expect(dequeue(queue, request)).toBe(true)
    expect(dequeue(queue, request)).toBe(false)
    expect(queue.byId.has(request.id)).toBe(false)
    expect([sizeOf(queue), queue.bytes]).toEqual([1, 10])
  })

  test('knows how much of it is whose', () => {
    const mine = pending({ client: 'me' })
    const { queue } = given(mine, pending({ client: 'you' }), pending({ client: 'you' }))
    expect(queue.clients.get('you')).toEqual({ requests: 2, bytes: 20 })
    dequeue(queue, mine)
    expect(queue.clients.has('me')).toBe(false)
  })

  test('may lose requests while it is gone through', () => {
    const { queue } = given(pending(), pending(), pending({ priority: 'low' }))
    for (const request of queue.byId.values()) dequeue(queue, request)
    expect([sizeOf(queue), queue.bytes, queue.bands.map(({ size }) => size)]).toEqual([0, 0, [0, 0, 0]])
  })

  test('gives out what has expired, the earliest deadline first, and of equals the older', () => {
    const late = pending({ deadline: START + 3 })
    const older = pending({ deadline: START + 2 })
    const younger = pending({ deadline: START + 2 })
    const { queue } = given(late, older, younger)
    expect(nextDeadline(queue)).toBe(START + 2)
    expect(takeExpired(queue, START + 1)).toEqual([])
    expect(takeExpired(queue, START + 2)).toEqual([older, younger])
    expect(nextDeadline(queue)).toBe(START + 3)
    dequeue(queue, late)
    expect(nextDeadline(queue)).toBe(Number.POSITIVE_INFINITY)
  })

  test('lets a request expire once though it came back', () => {
    const request = pending()
    const { queue } = given(request)
    dequeue(queue, request)
    request.attempts = 1
    enqueue(queue, request, null)
    expect(takeExpired(queue, START + 60_000)).toEqual([request])
    expect(takeExpired(queue, START + 60_000)).toEqual([])
    expect(request.place).toBeNull()
  })
})

describe('a request that waits', () => {
  test('moves up at half of its longest wait, and again at three quarters, not before', () => {
    const low = pending({ priority: 'low', deadline: START + 1000 })
    const { queue } = given(low)
    const bandAt = (ms: number) => {
      promote(queue, START + ms)
      return low.place!.band
    }
    expect([bandAt(499), bandAt(500), bandAt(749), bandAt(750), bandAt(999)]).toEqual([2, 1, 1, 0, 0])
  })

  test('moves up as a normal one at half of its wait, too', () => {
    const normal = pending({ deadline: START + 1000 })
    const { queue } = given(normal)
    promote(queue, START + 499)
    expect(normal.place!.band).toBe(1)
    promote(queue, START + 500)
    expect(normal.place!.band).toBe(0)
    expect(queue.aging.items).toEqual([])
  })

  test('takes what is planned for it along', () => {
    const queue = createQueue()
    enqueue(queue, pending({ priority: 'low', deadline: START + 1000 }), expectedOn(2))
    expect(plannedFor(queue, 1, 2).requests).toBe(0)
    promote(queue, START + 500)
    expect(plannedFor(queue, 1, 2)).toEqual({ requests: 1, inputTokens: 3, outputTokens: 4 })
  })

  test('knows where it stands, and how many that came later went first', () => {
    const mine = pending()
    const { queue } = given(pending(), pending(), mine, pending())
    expect([positionOf(queue, mine.place!), passedBy(queue, mine.place!)]).toEqual([3, -2])
    queue.started += 2
    expect([positionOf(queue, mine.place!), passedBy(queue, mine.place!)]).toEqual([1, 0])
    queue.started += 5
    expect([positionOf(queue, mine.place!), passedBy(queue, mine.place!)]).toEqual([1, 5])
  })
})

describe('what is planned for an LLM', () => {
  test('is what waits for it in the same band and the higher ones', () => {
    const queue = createQueue()
    for (const priority of PRIORITIES) enqueue(queue, pending({ priority }), expectedOn(0))
    enqueue(queue, pending(), expectedOn(1))
    const counts = PRIORITIES.map((_, band) => plannedFor(queue, band, 0).requests)
    expect(counts).toEqual([1, 2, 3])
    expect(plannedFor(queue, 1, 1).requests).toBe(1)
  })

  test('goes with the request that it was meant for', () => {
    const queue = createQueue()
    const request = pending()
    enqueue(queue, request, expectedOn(0))
    dequeue(queue, request)
    expect(plannedFor(queue, 2, 0)).toEqual({ requests: 0, inputTokens: 0, outputTokens: 0 })
  })

  test('is exchanged among alike: who takes the place of another there leaves it his own', () => {
    const queue = createQueue()
    const [here, there] = [pending({ eligible: [0, 1] }), pending({ eligible: [0, 1] })]
    enqueue(queue, here, expectedOn(0))
    enqueue(queue, there, expectedOn(1))
    dequeue(queue, here, 1)
    expect([plannedFor(queue, 1, 0).requests, plannedFor(queue, 1, 1).requests]).toEqual([1, 0])
  })
})

type Step = {
  kind: 'add' | 'leave' | 'start' | 'expire' | 'age'
  priority: Priority
  ms: number
  llm: number
}
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'leave', 'start', 'expire', 'age'),
  priority: fc.constantFrom(...PRIORITIES),
  ms: fc.nat({ max: 60 }),
  llm: fc.nat({ max: 2 }),
})

/** The band of a request by its age, said plainly. */
function bandOf({ priority, at, deadline }: Pending, now: number): number {
  const steps = now - at >= (deadline - at) * 0.75 ? 2 : now - at >= (deadline - at) * 0.5 ? 1 : 0
  return Math.max(0, PRIORITIES.indexOf(priority) - steps)
}

test('it does what a plain list does, whatever comes and goes', () => {
  const check = (steps: Step[]) => {
    const queue = createQueue()
    let list: Pending[] = []
    let now = START
    for (const { kind, priority, ms, llm } of steps) {
      const one = list[ms % Math.max(1, list.length)] ?? pending()
      if (kind === 'add') {
        const request = pending({ priority, at: now, deadline: now + ms, client: `c${ms % 3}` })
        list.push(request)
        enqueue(queue, request, expectedOn(llm))
      } else if (kind === 'leave' || kind === 'start') {
        expect(dequeue(queue, one, kind === 'start' ? llm : null)).toBe(list.includes(one))
        list = list.filter((other) => other !== one)
      } else {
        now += ms
        const expired = list.filter(({ deadline }) => deadline <= now)
        const order = expired.toSorted((a, b) => a.deadline - b.deadline || a.seq - b.seq)
        expect(takeExpired(queue, now)).toEqual(order)
        list = list.filter((other) => !expired.includes(other))
      }
      promote(queue, now)
      agrees(queue, list, now)
    }
  }
  const agrees = (queue: Queue, list: readonly Pending[], now: number) => {
    expect([...queue.byId.values()]).toEqual(list)
    expect(queue.bytes).toBe(10 * list.length)
    const deadlines = list.map(({ deadline }) => deadline)
    expect(nextDeadline(queue)).toBe(Math.min(Number.POSITIVE_INFINITY, ...deadlines))
    const count = new Map<string, number>()
    for (const { client } of list) count.set(client, (count.get(client) ?? 0) + 1)
    for (const [client, { requests }] of queue.clients) expect(requests).toBe(count.get(client))
    expect(queue.clients.size).toBe(count.size)
    for (const [i, band] of queue.bands.entries()) {
      const own = list.filter((request) => bandOf(request, now) === i)
      expect(new Set(bandsOf(queue)[i])).toEqual(new Set(own))
      expect(band.size).toBe(own.length)
      expect(band.planned.reduce((sum, demand) => sum + (demand?.requests ?? 0), 0)).toBe(own.length)
      for (const demand of band.planned) expect(demand?.requests ?? 0).toBeGreaterThanOrEqual(0)
    }
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check), { numRuns: 150 })
})
