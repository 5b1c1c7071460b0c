import { describe, expect, test } from 'vitest'
import { costOn } from '../../../src/core/matching/choose.ts'
import { answered, likelyOutput, NO_OUTPUTS, outputOn } from '../../../src/core/needs/outputs.ts'
import { initialSkill, learned } from '../../../src/core/needs/skill.ts'
import { CHARGE_RULES, type ChargeRule } from '../../../src/core/types.ts'
import { limit, llm, view } from '../../support/llms.ts'

const many = (client: string, tokens: number, count = 40, before = NO_OUTPUTS) =>
  Array.from({ length: count }, () => tokens).reduce((seen, one) => answered(seen, client, one), before)

const charging = (charge: ChargeRule, strict = false) =>
  llm('A', {
    limits: [limit('tokens', 100_000, 60_000, 'tokens', { charge })],
    contextLength: 50_000,
    strict,
  })
const skill = { ...initialSkill(llm('A')), outputs: many('talker', 1000, 40, many('brief', 100)) }
const asked = (outputTokens: number | null, client = 'brief') => ({ outputTokens, choices: 1, client })

describe('what an answer will most probably take', () => {
  test('is told by the answers to the same client', () => {
    expect(likelyOutput(skill.outputs, 'brief')).toBe(111)
    expect(likelyOutput(skill.outputs, 'talker')).toBe(1023)
  })

  test('else by those to all of them', () => {
    expect(likelyOutput(skill.outputs, 'somebody')).toBe(1023)
    expect(likelyOutput(answered(skill.outputs, 'new', 7), 'new')).toBe(1023)
  })

  test('and by none as long as there are few', () => {
    expect(likelyOutput(many('brief', 100, 15), 'brief')).toBeNull()
    expect(likelyOutput(many('brief', 100, 16), 'brief')).toBe(111)
  })

  test('is remembered for some clients only, those who came last', () => {
    let outputs = many('first', 100)
    for (let i = 0; i < 32; i++) outputs = answered(outputs, `client ${i}`, 1000)
    expect(outputs.byClient.size).toBe(32)
    expect(outputs.byClient.has('first')).toBe(false)
  })
})

describe('the output that is set aside', () => {
  const reserved = (charge: ChargeRule, bound: number | null, strict = false) =>
    outputOn(charging(charge, strict), skill, asked(bound), 50)

  test('is the bound where the provider reserves it or may, else what is likely', () => {
    expect(CHARGE_RULES.map((rule) => [rule, reserved(rule, 4096)])).toEqual([
      ['reserve_no_refund', 4096],
      ['reserve_trueup', 4096],
      ['actual_at_end', 111],
      ['actual_as_produced', 111],
      ['input_uncached_only', 111],
      ['unknown', 4096],
    ])
  })

  test('is never more than the bound', () => {
    for (const rule of CHARGE_RULES) expect(reserved(rule, 5)).toBe(5)
  })

  test('is what is likely where there is no bound, as far as the context goes', () => {
    for (const rule of CHARGE_RULES) expect(reserved(rule, null)).toBe(111)
    expect(outputOn({ ...charging('unknown'), contextLength: 100 }, skill, asked(null), 50)).toBe(50)
    expect(outputOn({ ...charging('unknown'), contextLength: 10 }, skill, asked(null), 50)).toBe(0)
  })

  test('is the bound, and a first guess without one, while nothing is known', () => {
    const fresh = initialSkill(llm('A'))
    expect(outputOn(charging('actual_at_end'), fresh, asked(4096), 50)).toBe(4096)
    expect(outputOn(charging('actual_at_end'), fresh, { ...asked(null), choices: 2 }, 50)).toBe(2048)
  })

  test('is the longest there can be on a strict LLM', () => {
    for (const rule of CHARGE_RULES) {
      expect(reserved(rule, 4096, true)).toBe(4096)
      expect(reserved(rule, null, true)).toBe(49_950)
    }
  })

  test('of a bucket is never more than it holds', () => {
    const rest = { window: 'bucket', burst: 500 } as const
    const spec = llm('A', { limits: [limit('tokens', 1000, 60_000, 'tokens', rest)] })
    const needs = { inputTokens: 400, ...asked(300) }
    expect(costOn(view(spec), needs)).toEqual({
      inputTokens: 400,
      outputTokens: 100,
    })
  })
})

test('an LLM learns how long its answers are, from those whose length is told', () => {
  const sample = { estimatedTokens: 10, inputTokens: 10, firstByteMs: 5, durationMs: 10, client: 'a' }
  const once = learned(initialSkill(llm('A')), { ...sample, outputTokens: 70 })
  const twice = learned(once, { ...sample, outputTokens: null })
  expect(twice.outputs).toEqual(answered(NO_OUTPUTS, 'a', 70))
})
