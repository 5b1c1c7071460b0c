import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Band, serve } from '../../../src/core/queue/flows.ts'
import { createQueue, dequeue, enqueue, type Pending, type Queue } from '../../../src/core/queue/queue.ts'
import { pending } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const NORMAL = 1
const cost = { inputTokens: 10, outputTokens: 10 }

/** A queue of one band, and what a client's turn does to it. */
function open() {
  const queue = createQueue()
  const band = queue.bands[NORMAL]!
  return {
    queue,
    band,
    send(client: string, count: number, clientWeight = 1) {
      for (let i = 0; i < count; i++) enqueue(queue, pending({ client, clientWeight }), null)
    },
    serves: (count: number) => [...Array(count).keys()].map(() => serveNext(queue, band)),
  }
}

/** Serves the first request of the client whose turn it is. Returns the client. */
function serveNext(queue: Queue, band: Band): string {
  const flow = band.backlogged[0]!
  const [lane] = flow.lanes.values()
  const request: Pending = lane!.heap.items[0]!
  dequeue(queue, request)
  serve(band, flow, cost)
  return flow.client
}

const times = (clients: readonly string[], name: string) => clients.filter((one) => one === name).length

describe('clients that wait together', () => {
  test('are served in turn, however many requests each has', () => {
    const { send, serves } = open()
    send('many', 50)
    send('few', 3)
    expect(serves(7)).toEqual(['many', 'few', 'many', 'few', 'many', 'few', 'many'])
  })

  test('are served in proportion to their weights', () => {
    const { send, serves } = open()
    send('one', 100)
    send('three', 100, 3)
    const served = serves(80)
    expect([times(served, 'one'), times(served, 'three')]).toEqual([20, 60])
  })

  test('are charged for the tokens they got, those of an answer twice', () => {
    const { band, send } = open()
    send('heavy', 1, 2)
    serve(band, band.flows.get('heavy')!, { inputTokens: 100, outputTokens: 50 })
    expect(band.flows.get('heavy')!.served).toBe((100 + 2 * 50) * 500)
  })

  test('get back what they were charged too much', () => {
    const { band, send, serves } = open()
    send('a', 5)
    send('b', 5)
    serve(band, band.flows.get('a')!, { inputTokens: 1000, outputTokens: 0 })
    serve(band, band.flows.get('a')!, { inputTokens: -1000, outputTokens: 0 })
    expect(serves(4)).toEqual(['a', 'b', 'a', 'b'])
  })
})

describe('a client that was idle', () => {
  test('has earned no credit: it takes turns with those that waited', () => {
    const { send, serves } = open()
    send('idle', 1)
    send('busy', 100)
    serves(51)
    send('idle', 100)
    expect(times(serves(20), 'idle')).toBe(10)
  })

  test('has earned none either while nobody waited at all', () => {
    const { band, send, serves } = open()
    send('busy', 40)
    serves(40)
    send('idle', 20)
    expect(band.flows.get('idle')!.served).toBeGreaterThan(0)
    send('busy', 20)
    expect(times(serves(20), 'idle')).toBeLessThanOrEqual(11)
  })

  test('is no worse off for what it was served before: it does not lose its turn to a newcomer for ever', () => {
    const { send, serves } = open()
    send('old', 30)
    serves(20)
    send('new', 30)
    expect(times(serves(20), 'old')).toBe(10)
  })
})

test('a shape is forgotten when the last request of it has left, and a client no longer waits', () => {
  const { band, send, serves } = open()
  send('a', 1)
  expect([band.kinds.size, band.backlogged.length, band.size]).toEqual([1, 1, 1])
  serves(1)
  expect([band.kinds.size, band.backlogged.length, band.size]).toEqual([0, 0, 0])
})

test('no first request of a lane asks for less than the floor of its shape, whoever comes and goes', () => {
  const size = fc.record({
    inputTokens: fc.integer({ min: 96, max: 111 }),
    outputTokens: fc.integer({ min: 40, max: 47 }),
  })
  const step = fc.record({
    client: fc.constantFrom('a', 'b'),
    size,
    dueIn: fc.nat({ max: 9 }),
    leaves: fc.nat({ max: 30 }),
  })
  const check = (
    steps: {
      client: string
      size: { inputTokens: number; outputTokens: number }
      dueIn: number
      leaves: number
    }[],
  ) => {
    const queue = createQueue()
    for (const { client, size, dueIn, leaves } of steps) {
      enqueue(queue, pending({ client, ...size, deadline: START + dueIn }), null)
      const leaving = [...queue.byId.values()][leaves]
      if (leaving !== undefined) dequeue(queue, leaving)
      for (const { flows } of queue.bands) {
        for (const { heap, kind } of [...flows.values()].flatMap(({ lanes }) => [...lanes.values()])) {
          const [head] = heap.items
          expect(head!.inputTokens).toBeGreaterThanOrEqual(kind.floor.inputTokens)
          expect(head!.outputTokens).toBeGreaterThanOrEqual(kind.floor.outputTokens!)
        }
      }
    }
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), check))
})
