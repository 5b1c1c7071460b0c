import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createQueue,
  dequeue,
  enqueue,
  findWaiting,
  inOrder,
  isWaiting,
  nextDeadline,
  type Pending,
  takeExpired,
} from '../../src/core/queue.ts'
import { PRIORITIES, type Priority } from '../../src/core/types.ts'
import { START } from '../support/virtual-clock.ts'

let seq = 0

function pending(rest: Partial<Pending> = {}): Pending {
  seq++
  return {
    ...{ id: `r${seq}`, seq, at: START, priority: 'normal', deadline: START + 1000, bodyBytes: 10 },
    ...{ weights: { cost: 1, quality: 0, speed: 0 }, inputTokens: 1, outputTokens: 1, modes: ['text'] },
    ...{ auto: true, tools: false, structured: false, eligible: [0], waitingFor: null, attempts: 0 },
    ...{ excluded: new Set<number>(), choices: 1, client: 'dev' },
    ...rest,
  }
}

function given(...requests: Pending[]) {
  const queue = createQueue()
  const positions = requests.map((request) => enqueue(queue, request))
  return { queue, positions }
}

describe('the queue', () => {
  test('serves by priority, then what came back, then by age', () => {
    const low = pending({ priority: 'low' })
    const first = pending()
    const second = pending()
    const back = pending({ attempts: 1 })
    const high = pending({ priority: 'high' })
    const { queue, positions } = given(low, first, second, back, high)
    expect([...inOrder(queue)]).toEqual([high, back, first, second, low])
    expect(positions).toEqual([1, 1, 2, 1, 1])
  })

  test('tells the position of the last to come', () => {
    const { positions } = given(
      pending(),
      pending({ priority: 'low' }),
      pending(),
      pending({ priority: 'low' }),
    )
    expect(positions).toEqual([1, 2, 2, 4])
  })

  test('finds and gives up a request once', () => {
    const request = pending()
    const { queue } = given(request, pending())
    expect(findWaiting(queue, request.id)).toBe(request)
    expect([queue.size, queue.bytes]).toEqual([2, 20])
    expect(dequeue(queue, request)).toBe(true)
    expect(dequeue(queue, request)).toBe(false)
    expect(findWaiting(queue, request.id)).toBeNull()
    expect([queue.size, queue.bytes]).toEqual([1, 10])
  })

  test('may lose requests while it is gone through', () => {
    const { queue } = given(pending(), pending(), pending({ priority: 'low' }))
    const seen = []
    for (const request of inOrder(queue)) {
      seen.push(request)
      dequeue(queue, request)
    }
    expect(seen).toHaveLength(3)
    expect(queue).toMatchObject({ size: 0, bytes: 0 })
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
    enqueue(queue, request)
    expect(takeExpired(queue, START + 1000)).toEqual([request])
    expect(takeExpired(queue, START + 1000)).toEqual([])
    expect(isWaiting(queue, request)).toBe(false)
  })
})

test('it does what a plain list does, whatever comes and goes', () => {
  type Step = { kind: 'add' | 'remove' | 'expire'; priority: Priority; ms: number; back: boolean }
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('add', 'add', 'remove', 'expire'),
    priority: fc.constantFrom(...PRIORITIES),
    ms: fc.nat({ max: 50 }),
    back: fc.boolean(),
  })
  const rank = ({ priority, attempts }: Pending) => PRIORITIES.indexOf(priority) * 2 + (attempts > 0 ? 0 : 1)
  const check = (steps: Step[]) => {
    const queue = createQueue()
    let list: Pending[] = []
    for (const { kind, priority, ms, back } of steps) {
      if (kind === 'add') {
        const request = pending({ priority, deadline: START + ms, attempts: back ? 1 : 0 })
        list.push(request)
        expect(enqueue(queue, request)).toBe(list.filter((one) => rank(one) <= rank(request)).length)
      } else if (kind === 'remove') {
        const request = list[ms % Math.max(1, list.length)] ?? pending()
        expect(dequeue(queue, request)).toBe(list.includes(request))
        list = list.filter((one) => one !== request)
      } else {
        const expired = list.filter(({ deadline }) => deadline <= START + ms)
        const order = expired.toSorted((a, b) => a.deadline - b.deadline || a.seq - b.seq)
        expect(takeExpired(queue, START + ms)).toEqual(order)
        list = list.filter((one) => !expired.includes(one))
      }
      expect([...inOrder(queue)]).toEqual(list.toSorted((a, b) => rank(a) - rank(b)))
      expect(queue).toMatchObject({ size: list.length, bytes: 10 * list.length })
      const deadlines = list.map(({ deadline }) => deadline)
      expect(nextDeadline(queue)).toBe(Math.min(Number.POSITIVE_INFINITY, ...deadlines))
    }
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), check), { numRuns: 150 })
})
