import { describe, expect, test } from 'vitest'
import { createAccount, reserveAll } from '../../src/core/account.ts'
import { choose, costOn, priceOf, unfitness } from '../../src/core/choose.ts'
import type { LlmView } from '../../src/core/choose.ts'
import { initialSkill, type Skill } from '../../src/core/skill.ts'
import type { Weights } from '../../src/core/types.ts'
import { limit, llm, view } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const needs = { inputTokens: 100, outputTokens: 50, choices: 1 }
const HALF: Weights = { cost: 0.5, quality: 0.5, speed: 0 }

/** What was measured of an LLM, but for what is said as at first. */
const learned = (skill: Partial<Skill>) => ({ skill: { ...initialSkill(llm('A')), ...skill } })

const among = (views: readonly LlmView[], weights = HALF, wanted = needs) =>
  choose(views, [...views.keys()], wanted, weights, START)

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
    const { candidates } = among([cheap, dear], { cost: 1, quality: 1, speed: 2 })
    expect(candidates).toEqual([
      { llm: 'cheap', score: 0.513, cost: 0.75, quality: 0.3, speed: 0.5 },
      { llm: 'dear', score: 0.725, cost: 0, quality: 0.9, speed: 1 },
    ])
  })

  test('decides, so that the weights do', () => {
    const winner = (weights: Weights) => among([cheap, dear], weights).best
    expect(winner({ cost: 1, quality: 0, speed: 0 })).toBe(0)
    expect(winner({ cost: 0, quality: 1, speed: 0 })).toBe(1)
    expect(winner({ cost: 0, quality: 0, speed: 1 })).toBe(1)
    expect(winner(HALF)).toBe(0)
  })

  test('is 1 for what is free among what is free, and the earlier wins a tie', () => {
    const { best, candidates } = among([view(llm('A')), view(llm('B'))], { cost: 1, quality: 0, speed: 0 })
    expect(best).toBe(0)
    expect(candidates.map((candidate) => 'score' in candidate && candidate.score)).toEqual([1, 1])
  })

  test('does not depend on the scale of the weights', () => {
    const small = among([cheap, dear], { cost: 0.001, quality: 0.002, speed: 0 })
    const large = among([cheap, dear], { cost: 1000, quality: 2000, speed: 0 })
    expect(small).toEqual(large)
  })

  test('compares with LLMs that have no room, too, so that it does not jump when they fill', () => {
    const full = createAccount([limit('concurrency', 1)])
    reserveAll(full, 'call', { inputTokens: 1, outputTokens: 1 }, START)
    const free = among([cheap, dear])
    const filled = among([cheap, { ...dear, account: full }])
    expect(filled.candidates[0]).toEqual(free.candidates[0])
    expect(filled.candidates[1]).toEqual({ llm: 'dear', excluded: 'concurrency_limit has no room' })
  })
})

describe('an LLM is left out with the reason', () => {
  test.each<[Partial<LlmView>, string]>([
    [{ status: 'cooling', because: 'overloaded' }, 'cooling: overloaded'],
    [{ status: 'cooling' }, 'cooling'],
    [{ status: 'disabled', because: 'A_KEY is not set' }, 'disabled: A_KEY is not set'],
  ])('%o', (state, excluded) => {
    expect(among([view(llm('A'), state)])).toEqual({
      best: null,
      cost: null,
      candidates: [{ llm: 'A', excluded }],
    })
  })

  test('that a limit has no room, and for how long', () => {
    const limits = [limit('requests', 1, 1000)]
    const account = createAccount(limits)
    reserveAll(account, 'call', { inputTokens: 1, outputTokens: 1 }, START)
    const { candidates } = among([view(llm('A', { limits }), {}, account)])
    expect(candidates).toEqual([{ llm: 'A', excluded: 'requests_limit has no room for 1500 ms' }])
  })

  test('but not for being exhausted, as long as this request fits', () => {
    expect(among([view(llm('A'), { status: 'exhausted', because: 'tokens is used up' })]).best).toBe(0)
  })

  test('and where nobody is looked at, nobody is chosen', () => {
    expect(choose([view(llm('A'))], [], needs, HALF, START)).toEqual({
      best: null,
      cost: null,
      candidates: [],
    })
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
