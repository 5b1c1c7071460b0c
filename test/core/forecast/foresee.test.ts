import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reserveAll } from '../../../src/core/limits/account.ts'
import { bestOf } from '../../../src/core/forecast/forecast.ts'
import { foresee, foreseeBest } from '../../../src/core/forecast/foresee.ts'
import { limit, llm } from '../../support/llms.ts'
import { pending, stageOf, usedView } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const llms = fc.array(
  fc.record({
    quality: fc.nat({ max: 1000 }),
    inputPicoUsd: fc.nat({ max: 5 }),
    amount: fc.integer({ min: 50, max: 400 }),
    used: fc.nat({ max: 50 }),
  }),
  { minLength: 1, maxLength: 6 },
)
const weights = fc.record({
  cost: fc.nat({ max: 2 }),
  quality: fc.nat({ max: 2 }),
  speed: fc.integer({ min: 1, max: 2 }),
})

test('the best outlook is found without asking the LLMs that cannot be better', () => {
  const check = (
    some: readonly { quality: number; inputPicoUsd: number; amount: number; used: number }[],
    wishes: { cost: number; quality: number; speed: number },
    waits: number,
  ) => {
    const views = some.map(({ quality, inputPicoUsd, amount, used }, i) =>
      usedView(llm(`L${i}`, { quality, inputPicoUsd, limits: [limit('tokens', amount, 1000)] }), (account) =>
        reserveAll(account, 'before', { inputTokens: used, outputTokens: 0 }, START),
      ),
    )
    const stage = stageOf(views)
    const eligible = views.map((_, i) => i)
    const one = () => pending({ eligible, weights: wishes })
    stage.wait(Array.from({ length: waits }, one), {
      llm: 0,
      at: START,
      cost: { inputTokens: 10, outputTokens: 10 },
    })
    const newcomer = one()
    const before = { ahead: waits, promised: null }
    const found = foreseeBest(stage.round(), newcomer, before)
    expect(bestOf(found)?.score).toBe(bestOf(foresee(stage.round(), newcomer, before))?.score)
  }
  fc.assert(fc.property(llms, weights, fc.nat({ max: 10 }), check))
})
