import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reserveAll, settleAll } from '../../../src/core/limits/account.ts'
import { type LlmView, offersOf } from '../../../src/core/matching/choose.ts'
import {
  ALWAYS,
  createRefusals,
  latenessOf,
  noteArrival,
  takeRefusal,
} from '../../../src/core/forecast/early-refusal.ts'
import { outlooksOf } from '../../../src/core/forecast/forecast.ts'
import { limit, llm, view } from '../../support/llms.ts'
import { pending, usedView } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

describe('refusals by prediction', () => {
  /** Lets requests arrive after these pauses, each of which is refused if it may be. */
  function refuse(pausesMs: readonly number[]): { at: number; refused: boolean }[] {
    const refusals = createRefusals()
    let at = START
    return pausesMs.map((pause) => {
      at += pause
      noteArrival(refusals, at)
      return { at, refused: takeRefusal(refusals, at) }
    })
  }

  test('are never more than a fifth of the arrivals of the last 10 s, or two, whatever arrives', () => {
    const pauses = fc.oneof(
      { weight: 4, arbitrary: fc.nat(50) },
      { weight: 2, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(15_000) },
    )
    fc.assert(
      fc.property(fc.array(pauses, { maxLength: 400 }), (pausesMs) => {
        const arrivals = refuse(pausesMs)
        for (const [i, { at, refused }] of arrivals.entries()) {
          if (!refused) continue
          const recent = arrivals.slice(0, i + 1).filter((one) => one.at > at - 10_000)
          const most = Math.max(ALWAYS, recent.length / 5)
          expect(recent.filter((one) => one.refused).length).toBeLessThanOrEqual(most)
        }
      }),
    )
  })

  test('reach nearly that fifth while all would be refused', () => {
    const arrivals = refuse(new Array(2000).fill(20))
    const share = arrivals.slice(1000).filter(({ refused }) => refused).length / 1000
    expect(share).toBeGreaterThan(0.19)
  })

  test('are possible in a trickle, two in 10 s', () => {
    const refused = refuse([0, 1000, 1000, 9000, 1000]).map((one) => one.refused)
    expect(refused).toEqual([true, true, false, true, true])
  })
})

describe('a request comes too late', () => {
  const cost = { inputTokens: 10, outputTokens: 10 }
  const spec = llm('A', { limits: [limit('requests', 2, 60_000)] })
  const full = usedView(spec, (account) => {
    for (const key of ['a', 'b']) {
      reserveAll(account, key, cost, START)
      settleAll(account, key, cost, true, START)
    }
  })
  const freeAt = START + 60_500

  function lateness(views: readonly LlmView[], deadline: number, ahead = 0) {
    const request = pending({ deadline, eligible: [...views.keys()] })
    const offers = offersOf(views, request.eligible, request)
    const before = { requests: ahead, inputTokens: 0, outputTokens: 0 }
    return latenessOf(
      views,
      outlooksOf(views, offers, request, START, () => before),
      request,
      START,
    )
  }

  test('when every LLM has room after its deadline by a timer, which is known', () => {
    const cooling = view(llm('B'), { status: 'cooling', wakeAt: START + 90_000, because: 'no' })
    expect(lateness([full, cooling], freeAt - 1)).toEqual({ at: freeAt, isKnown: true })
  })

  test('but not when one of them has room at the very instant of its deadline', () => {
    expect(lateness([full], freeAt)).toBeNull()
    expect(lateness([full, view(llm('B'))], START + 1)).toBeNull()
  })

  test('by prediction where others are served before it', () => {
    expect(lateness([view(spec)], START + 1000, 2)).toMatchObject({ isKnown: false })
  })

  test('by prediction while a call that is under way might give its room back', () => {
    const held = usedView(spec, (account) => {
      for (const key of ['a', 'b']) reserveAll(account, key, cost, START)
    })
    expect(lateness([held], START + 1000)).toMatchObject({ isKnown: false })
  })

  test('never by what nothing tells', () => {
    const stuck = view(llm('B'), { status: 'cooling', wakeAt: Number.POSITIVE_INFINITY, because: 'no' })
    expect(lateness([stuck], START + 1000)).toBeNull()
  })
})
