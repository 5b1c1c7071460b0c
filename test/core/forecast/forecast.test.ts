import { describe, expect, test } from 'vitest'
import { reserveAll, settleAll } from '../../../src/core/limits/account.ts'
import { offersOf } from '../../../src/core/matching/choose.ts'
import {
  bestOf,
  dueBefore,
  NOBODY,
  outlooksOf,
  shareOf,
  soonestOf,
  standingOf,
  startOn,
} from '../../../src/core/forecast/forecast.ts'
import { limit, llm, view } from '../../support/llms.ts'
import { pending, stageOf, usedView } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'
import { openWorld } from '../../support/world.ts'

const cost = { inputTokens: 10, outputTokens: 10 }
const WINDOW_MS = 1500
const spec = llm('A', { limits: [limit('requests', 2, 1000)] })
const ahead = (requests: number) => ({ requests, inputTokens: 0, outputTokens: 0 })

/** An LLM of two requests a second, of which so many are used. */
const withUsed = (count: number) =>
  usedView(spec, (account) => {
    for (let i = 0; i < count; i++) {
      reserveAll(account, `${i}`, cost, START)
      settleAll(account, `${i}`, cost, true, START)
    }
  })

describe('an LLM could take a request', () => {
  test('at once while it has room, and then says nothing of limits', () => {
    expect(startOn(withUsed(1), NOBODY, cost, START)).toEqual({ at: START, because: null })
  })

  test('when the window lets go, and names the limit', () => {
    const expected = { at: START + WINDOW_MS, because: 'requests_limit' }
    expect(startOn(withUsed(2), NOBODY, cost, START)).toEqual(expected)
  })

  test('a window later for every two that are served before', () => {
    const starts = [0, 1, 2, 3, 4].map((n) => startOn(withUsed(2), ahead(n), cost, START).at - START)
    expect(starts).toEqual([1, 1, 2, 2, 3].map((windows) => windows * WINDOW_MS))
  })

  test('not before it has recovered', () => {
    const cooling = { ...withUsed(0), status: 'cooling', wakeAt: START + 7000, because: 'no' } as const
    expect(startOn(cooling, NOBODY, cost, START)).toEqual({ at: START + 7000, because: 'recovery (no)' })
  })

  test('never when it is disabled', () => {
    const disabled = { ...withUsed(0), status: 'disabled', because: 'no key' } as const
    expect(startOn(disabled, NOBODY, cost, START).at).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('of several LLMs', () => {
  const outlooks = (usedOfFirst: number, wakeAt: number, deadline = START + 60_000) => {
    const cooling = { status: 'cooling', because: 'no', wakeAt } as const
    const views = [withUsed(usedOfFirst), view(llm('B', { inputPicoUsd: 1 }), cooling)]
    const request = pending({ deadline })
    return outlooksOf(views, offersOf(views, [0, 1], request), request, START, () => NOBODY)
  }

  test('the best is the one with the best score at the time at which it can', () => {
    expect(bestOf(outlooks(2, START + 10))?.offer.llm).toBe(0)
  })

  test('the soonest may be another', () => {
    expect(soonestOf(outlooks(2, START + 10))?.offer.llm).toBe(1)
  })

  test('none is best that comes too late, but one may still be the soonest', () => {
    const late = outlooks(2, START + 9000, START + 100)
    expect(bestOf(late)).toBeNull()
    expect(soonestOf(late)?.offer.llm).toBe(0)
  })

  test('none is the soonest when none has a date', () => {
    expect(soonestOf(outlooks(0, Number.POSITIVE_INFINITY).slice(1))).toBeNull()
  })
})

test('of what is planned as much is served before, rounded up, as there are requests before', () => {
  const planned = { requests: 10, inputTokens: 101, outputTokens: 7 }
  expect(shareOf(planned, 5, 10)).toEqual({ requests: 5, inputTokens: 51, outputTokens: 4 })
  expect(shareOf(planned, 0, 10)).toEqual(NOBODY)
  expect(shareOf(planned, 10, 10)).toEqual(planned)
  expect(shareOf(planned, 0, 0)).toEqual(planned)
})

describe('a request that waits', () => {
  test('is told in its standing when it starts, and starts then', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 2, 1000)] })] })
    const running = [world.arrives(), world.arrives()]
    for (const request of running) world.finishes(request)
    const [waiting] = [0, 1, 2].map(() => world.arrives()).slice(2)
    const { state, views } = world.balancer
    expect(standingOf(state, { views }, waiting!, START)).toEqual({ position: 3, etaMs: 2 * WINDOW_MS })
    world.clock.advance(WINDOW_MS)
    expect(standingOf(state, { views }, waiting!, world.clock.now())).toEqual({
      position: 1,
      etaMs: WINDOW_MS,
    })
    world.clock.advance(WINDOW_MS)
    expect(world.llmOf(waiting!)).toBe('A')
    expect(standingOf(state, { views }, waiting!, world.clock.now())).toBeNull()
  })

  test('has no time where nothing told one', () => {
    const stage = stageOf([withUsed(2)])
    const request = pending()
    stage.wait([request])
    expect(standingOf(stage.state, stage.ports, request.id, START)).toEqual({ position: 1, etaMs: null })
  })
})

describe('before a request go', () => {
  const due = (seconds: number, rest = {}) => pending({ deadline: START + seconds * 1000, ...rest })
  const countedBefore = (waiting: readonly ReturnType<typeof due>[], request: ReturnType<typeof due>) => {
    const stage = stageOf([withUsed(2)])
    stage.wait(waiting)
    return dueBefore(stage.state.queue, 1, request)
  }

  test('those of its client that are due before it', () => {
    expect(countedBefore([due(10), due(20), due(20), due(30)], due(20))).toBe(3)
    expect(countedBefore([due(10, { inputTokens: 5000 }), due(30, { inputTokens: 5000 })], due(20))).toBe(1)
  })

  test('of every other client as many as its share allows, whenever they are due', () => {
    const others = [1, 2, 3].map(() => due(90, { client: 'other' }))
    expect(countedBefore(others, due(20))).toBe(1)
    expect(countedBefore([...others, due(10)], due(20))).toBe(3)
    expect(countedBefore(others, due(20, { clientWeight: 0.5 }))).toBe(2)
  })

  test('all of a higher priority, and none of a lower', () => {
    expect(countedBefore([due(90, { priority: 'high' }), due(10, { priority: 'low' })], due(20))).toBe(1)
  })

  test('about as many of a long lane as a sample tells', () => {
    const long = Array.from({ length: 400 }, (_, i) => due(i))
    const told = countedBefore(long, due(200))
    expect(told).toBeGreaterThan(100)
    expect(told).toBeLessThan(300)
    expect(countedBefore(long, due(500))).toBe(400)
  })
})
