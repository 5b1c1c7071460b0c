import { describe, expect, test } from 'vitest'
import { accountOf, createAccount, reserveAll } from '../../../src/core/limits/account.ts'
import { bestWithRoom } from '../../../src/core/matching/assign-each.ts'
import {
  costOn,
  type LlmView,
  offersOf,
  priceOf,
  scoreOf,
  speedOf,
  unfitness,
  type Wishes,
} from '../../../src/core/matching/choose.ts'
import type { Candidate } from '../../../src/core/events.ts'
import { initialSkill, type Skill } from '../../../src/core/needs/skill.ts'
import { start } from '../../../src/core/matching/start.ts'
import type { Weights } from '../../../src/core/types.ts'
import { limit, llm, view } from '../../support/llms.ts'
import { pending, stageOf } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const needs = { inputTokens: 100, outputTokens: 50, choices: 1 }
const HALF: Weights = { cost: 0.5, quality: 0.5, speed: 0 }

/** What was measured of an LLM, but for what is said as at first. */
const learned = (skill: Partial<Skill>) => ({ skill: { ...initialSkill(llm('A')), ...skill } })

const wishing = (weights: Weights): Wishes => ({ weights, at: START, deadline: START + 60_000 })

/** The scores of all LLMs, for a start after `waitMs`. */
function scores(views: readonly LlmView[], weights: Weights, waitMs = 0): number[] {
  const offers = offersOf(views, [...views.keys()], needs)
  return offers.map((offer) => scoreOf(offer, wishing(weights), START, START + waitMs))
}

/** The LLM that a newcomer would start on; null when none has room. */
function among(views: readonly LlmView[], weights = HALF): number | null {
  const request = pending({ ...needs, weights, eligible: [...views.keys()] })
  return bestWithRoom(stageOf(views).round(), request)?.llm ?? null
}

/** What is recorded of the LLMs when a request starts on the first. */
function recorded(views: readonly LlmView[], weights = HALF): readonly Candidate[] {
  const stage = stageOf(views)
  const request = pending({ ...needs, weights, eligible: [...views.keys()] })
  const offers = offersOf(views, request.eligible, request)
  let candidates: readonly Candidate[] = []
  const decide = (_type: string, _id: string, _llm: string | null, data: object) => {
    if ('candidates' in data) candidates = data.candidates as readonly Candidate[]
  }
  start(stage.state, { ...stage.ports, decide }, request, offers[0]!, offers, START)
  return candidates
}

describe('the score', () => {
  // 100 in and 50 out: cheap costs 100 * 1 + 50 * 2 = 200, dear 100 * 4 + 50 * 8 = 800.
  const cheap = view(
    llm('cheap', { inputPicoUsd: 1, outputPicoUsd: 2, quality: 300 }),
    learned({ firstByteMs: 3000 }),
  )
  const dear = view(
    llm('dear', { inputPicoUsd: 4, outputPicoUsd: 8, quality: 900 }),
    learned({ firstByteMs: 1000 }),
  )

  test('weighs price against the dearest, quality as configured, and speed against the fastest', () => {
    // Time: 1000 ms for 50 tokens at 50 a second, after 3000 or 1000 ms to the first byte.
    expect(recorded([cheap, dear], { cost: 1, quality: 1, speed: 2 })).toEqual([
      { llm: 'cheap', score: 0.513, cost: 0.75, quality: 0.3, speed: 0.5 },
      { llm: 'dear', score: 0.725, cost: 0, quality: 0.9, speed: 1 },
    ])
  })

  test('decides, so that the weights do', () => {
    const winner = (weights: Weights) => among([cheap, dear], weights)
    expect(winner({ cost: 1, quality: 0, speed: 0 })).toBe(0)
    expect(winner({ cost: 0, quality: 1, speed: 0 })).toBe(1)
    expect(winner({ cost: 0, quality: 0, speed: 1 })).toBe(1)
    expect(winner({ cost: 1, quality: 0.9, speed: 0 })).toBe(0)
  })

  test('is 1 for what is free among what is free, and the earlier wins a tie', () => {
    const free = [view(llm('A')), view(llm('B'))]
    expect(scores(free, { cost: 1, quality: 0, speed: 0 })).toEqual([1, 1])
    expect(among(free)).toBe(0)
  })

  test('does not depend on the scale of the weights', () => {
    const small = scores([cheap, dear], { cost: 0.001, quality: 0.002, speed: 0 })
    const large = scores([cheap, dear], { cost: 1000, quality: 2000, speed: 0 })
    for (const [i, score] of small.entries()) expect(score).toBeCloseTo(large[i]!, 12)
  })

  test('compares with LLMs that have no room, too, so that it does not jump when they fill', () => {
    const full = createAccount([limit('concurrency', 1)])
    reserveAll(full, 'call', { inputTokens: 1, outputTokens: 1 }, START)
    const free = recorded([cheap, dear])
    const filled = recorded([cheap, { ...dear, account: full }])
    expect(filled[0]).toEqual(free[0])
    expect(filled[1]).toEqual({ llm: 'dear', excluded: 'concurrency_limit has no room' })
  })

  test('counts a wait as half of all there is to gain when it is the longest', () => {
    const [now] = scores([cheap, dear], HALF)
    const [soon] = scores([cheap, dear], HALF, 6_000)
    const [late] = scores([cheap, dear], HALF, 60_000)
    expect(now! - soon!).toBeCloseTo(0.05, 10)
    expect(now! - late!).toBeCloseTo(0.5, 10)
  })

  test('is out of the question past the deadline, but not for one that may not wait and starts now', () => {
    const [offer] = offersOf([cheap], [0], needs)
    const wishes = { ...wishing(HALF), deadline: START }
    expect(scoreOf(offer!, wishes, START, START + 1)).toBe(Number.NEGATIVE_INFINITY)
    expect(scoreOf(offer!, wishes, START, START)).toBeGreaterThan(0)
    expect(scores([cheap, dear], HALF, 60_001)).toEqual([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])
  })

  test('counts as speed the wait and the call together, against the fastest call', () => {
    const [slow, fast] = offersOf([cheap, dear], [0, 1], needs)
    expect([speedOf(slow!, 0), speedOf(fast!, 0), speedOf(fast!, 2000)]).toEqual([0.5, 1, 0.5])
  })
})

describe('of LLMs that are alike, the one whose room suits the request', () => {
  /** Of the one many requests and few tokens are left, of the other the reverse. */
  const left = (requests: number, tokens: number) => {
    const spec = llm('A', { limits: [limit('requests', 100), limit('tokens', 100_000)] })
    const account = createAccount(spec.limits)
    for (let i = requests; i < 100; i++)
      reserveAll(account, `${i}`, { inputTokens: 0, outputTokens: 0 }, START)
    const used = { inputTokens: 100_000 - tokens, outputTokens: 0 }
    if (tokens < 100_000) reserveAll(accountOf(account.ledgers.slice(1)), 'tokens', used, START)
    return view(spec, {}, account)
  }
  const choice = (inputTokens: number, views: readonly LlmView[]) => {
    const request = pending({ inputTokens, outputTokens: 0, eligible: [0, 1] })
    return bestWithRoom(stageOf(views).round(), request)?.llm
  }

  test('takes it: the long where tokens are left, the short where requests are', () => {
    const views = [left(90, 20_000), left(20, 90_000)]
    expect([choice(10, views), choice(15_000, views)]).toEqual([0, 1])
  })

  test('but not where another is clearly better', () => {
    const views = [left(90, 20_000), left(20, 90_000)]
    const dear = { ...views[1]!, spec: { ...views[1]!.spec, inputPicoUsd: 1 } }
    expect(choice(15_000, [views[0]!, dear])).toBe(0)
  })
})

describe('an LLM is left out with the reason', () => {
  test.each<[Partial<LlmView>, string]>([
    [{ status: 'cooling', because: 'overloaded' }, 'cooling: overloaded'],
    [{ status: 'cooling' }, 'cooling'],
    [{ status: 'disabled', because: 'A_KEY is not set' }, 'disabled: A_KEY is not set'],
  ])('%o', (state, excluded) => {
    const views = [view(llm('A')), view(llm('B'), state)]
    expect(recorded(views)[1]).toEqual({ llm: 'B', excluded })
    expect(among(views.slice(1))).toBeNull()
  })

  test('that a limit has no room', () => {
    const limits = [limit('requests', 1, 1000)]
    const account = createAccount(limits)
    reserveAll(account, 'call', { inputTokens: 1, outputTokens: 1 }, START)
    const views = [view(llm('A')), view(llm('B', { limits }), {}, account)]
    expect(recorded(views)[1]).toEqual({ llm: 'B', excluded: 'requests_limit has no room' })
    expect(among(views.slice(1))).toBeNull()
  })

  test('but not for being exhausted, as long as this request fits', () => {
    const exhausted = { status: 'exhausted', wakeAt: START + 1000 } as const
    const spec = llm('A', { limits: [limit('tokens', 1000)] })
    expect(
      among([view(spec, { ...exhausted, wanted: { inputTokens: 900, outputTokens: 0, rank: 0 } })]),
    ).toBe(0)
    expect(
      among([view(spec, { ...exhausted, wanted: { inputTokens: 90, outputTokens: 0, rank: 0 } })]),
    ).toBeNull()
  })

  test('and where nobody is looked at, nobody is chosen', () => {
    expect(among([])).toBeNull()
  })
})

describe('what is set aside', () => {
  const open = { inputTokens: 100, outputTokens: null, choices: 1 }

  test('follows what this LLM has been found to count, rounded up', () => {
    expect(costOn(view(llm('A'), learned({ factor: 1501 })), needs)).toEqual({
      inputTokens: 151,
      outputTokens: 50,
    })
    expect(
      costOn(view(llm('A'), learned({ factor: 250 })), { inputTokens: 1, outputTokens: 0, choices: 1 })
        .inputTokens,
    ).toBe(1)
  })

  test('counts what the provider adds to every request', () => {
    expect(costOn(view(llm('A'), learned({ overheadTokens: 35 })), needs).inputTokens).toBe(135)
  })

  test('is that of all answers where several are asked for', () => {
    expect(costOn(view(llm('A')), { ...open, choices: 3 }).outputTokens).toBe(3 * 1024)
  })

  test('never asks a limit for more than all of it, so that what was let in can run', () => {
    const limits = [limit('tokens', 120)]
    const eager = learned({ factor: 4000 })
    expect(costOn(view(llm('A', { limits }), eager), needs)).toEqual({ inputTokens: 120, outputTokens: 0 })
  })

  test("is the client's bound, or what this LLM's answers take, as far as there is room", () => {
    const limits = [limit('tokens', 300), limit('output_tokens', 180)]
    expect(costOn(view(llm('A')), open).outputTokens).toBe(1024)
    expect(costOn(view(llm('A', { contextLength: 400 })), open).outputTokens).toBe(300)
    expect(costOn(view(llm('A', { limits: [limits[0]!] })), open).outputTokens).toBe(200)
    expect(costOn(view(llm('A', { limits })), open).outputTokens).toBe(180)
    expect(costOn(view(llm('A', { contextLength: 50 })), open).outputTokens).toBe(0)
  })

  test('has its price in pico-dollars, exactly', () => {
    const spec = llm('A', { inputPicoUsd: 590_000, outputPicoUsd: 790_000 })
    expect(priceOf(spec, { inputTokens: 1_000_000, outputTokens: 0 })).toBe(590_000_000_000)
    expect(priceOf(spec, { inputTokens: 3, outputTokens: 2 })).toBe(3_350_000)
  })
})

describe('a request never fits', () => {
  const unfit = (spec: Parameters<typeof llm>[1], rest: object = {}, factor = 1000) =>
    unfitness(view(llm('A', spec), learned({ factor })), { ...needs, modes: ['text'], ...rest })

  test('an LLM that does not take its mode', () => {
    expect(unfit({}, { modes: ['text', 'vision'] })).toBe('does not take vision')
  })

  test('a context that is too short for question and answer', () => {
    expect(unfit({ contextLength: 150 })).toBeNull()
    expect(unfit({ contextLength: 149 })).toBe('context_length 149 is below the 150 tokens it needs')
    expect(unfit({ contextLength: 100 }, { outputTokens: null })).toBeNull()
    expect(unfit({ contextLength: 140 }, {}, 900)).toBeNull()
  })

  test('but nobody is refused for what a provider was seen to count on top', () => {
    expect(unfit({ contextLength: 150 }, {}, 4000)).toBeNull()
  })

  test('a limit that is smaller than it as a whole', () => {
    expect(unfit({ limits: [limit('requests', 1), limit('tokens', 150)] })).toBeNull()
    expect(unfit({ limits: [limit('tokens', 149)] })).toBe('tokens_limit 149 is below the 150 it needs')
    expect(unfit({ limits: [limit('output_tokens', 49)] })).toBe(
      'output_tokens_limit 49 is below the 50 it needs',
    )
  })
})
