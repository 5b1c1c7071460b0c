import { describe, expect, test } from 'vitest'
import { dequeue } from '../../../src/core/queue/queue.ts'
import { urgentIn } from '../../../src/core/matching/urgent.ts'
import { llm, view } from '../../support/llms.ts'
import { pending, stageOf } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const expected = { llm: 0, at: START + 1000, cost: { inputTokens: 10, outputTokens: 10 } }
const NORMAL = 1

function waiting(
  requests: readonly ReturnType<typeof pending>[],
  holders: readonly ReturnType<typeof pending>[],
) {
  const { state, wait } = stageOf([view(llm('A'))])
  wait(requests, expected)
  for (const one of holders) state.queue.holders.add(one)
  return state.queue
}

describe('first of all go', () => {
  test('those that came again as they were told, in that order, before what may soon be late', () => {
    const due = pending({ deadline: START + 4000 })
    const [early, late] = [pending(), pending()]
    const queue = waiting([due, late, early], [early, late])
    expect(urgentIn(queue, NORMAL, START)).toEqual([early, late, due])
  })

  test('once each, though they may soon be late themselves', () => {
    const due = pending({ deadline: START + 4000 })
    expect(urgentIn(waiting([due], [due]), NORMAL, START)).toEqual([due])
  })

  test('with what has aged into the band above, and in no band further up', () => {
    const [normal, low] = [pending(), pending({ priority: 'low' })]
    const queue = waiting([normal, low], [normal, low])
    expect([0, 1, 2].map((rank) => urgentIn(queue, rank, START))).toEqual([
      [normal],
      [normal, low],
      [normal, low],
    ])
  })

  test('only while their client is in turn, so that none gets more by coming again', () => {
    const [first, second] = [pending({ client: 'a' }), pending({ client: 'b' })]
    const queue = waiting([first, second], [second])
    expect(urgentIn(queue, NORMAL, START)).toEqual([])
    dequeue(queue, first)
    expect(urgentIn(queue, NORMAL, START)).toEqual([second])
  })

  test('no more than a few of them at once, and none that has left', () => {
    const many = Array.from({ length: 40 }, () => pending())
    const queue = waiting(many, many)
    for (const one of many.slice(0, 5)) dequeue(queue, one)
    expect(urgentIn(queue, NORMAL, START)).toEqual(many.slice(5, 29))
    expect(queue.holders.size).toBe(35)
  })
})
