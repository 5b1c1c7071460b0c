import { describe, expect, test } from 'vitest'
import { knownNames, resolveModel } from '../../../src/core/needs/names.ts'
import type { ModelRule, Weights } from '../../../src/core/types.ts'
import { llm } from '../../support/llms.ts'

const speed: Weights = { cost: 0, quality: 0, speed: 1 }
const specs = [
  llm('Groq', { model: 'llama' }),
  llm('Gemini#1', { group: 'Gemini', model: 'gemini-flash' }),
  llm('Gemini#2', { group: 'Gemini', model: 'gemini-flash' }),
]
const rule = (pattern: string, llms: string[] | null, weights: Weights | null = null): ModelRule => ({
  pattern,
  llms,
  weights,
})

const asking = (asked: string, ...rules: ModelRule[]) => resolveModel(asked, specs, rules)

describe('a model is', () => {
  test('for auto, every LLM', () => {
    expect(asking('auto')).toEqual({ llms: [0, 1, 2], weights: null })
  })

  test('an LLM by its name, all keys of it, or one of them', () => {
    expect(asking('Gemini')).toEqual({ llms: [1, 2], weights: null })
    expect(asking('Gemini#2')).toEqual({ llms: [2], weights: null })
  })

  test("an LLM by its provider's id", () => {
    expect(asking('llama')?.llms).toEqual([0])
    expect(asking('gemini-flash')?.llms).toEqual([1, 2])
  })

  test('a name with LLMs and weights of its own', () => {
    expect(asking('fast', rule('fast', null, speed))).toEqual({ llms: [0, 1, 2], weights: speed })
    expect(asking('fast', rule('fast', ['Gemini']))).toEqual({ llms: [1, 2], weights: null })
  })

  test('nothing, where nobody has that name', () => {
    expect(asking('gpt-9', rule('gpt-4*', ['Groq']))).toBeNull()
    expect(asking('')).toBeNull()
    expect(asking('groq')).toBeNull()
  })
})

describe('of two that have the name', () => {
  test('a rule comes before auto, auto before LLMs, LLMs before provider ids, and patterns come last', () => {
    expect(asking('auto', rule('auto', ['Groq'], speed))).toEqual({ llms: [0], weights: speed })
    expect(asking('Groq', rule('Gr*', ['Gemini']))?.llms).toEqual([0])
    expect(asking('llama', rule('*', ['Gemini']))?.llms).toEqual([0])
    expect(asking('Groq', rule('Groq', ['Gemini']))?.llms).toEqual([1, 2])
  })

  test('the first pattern that matches wins', () => {
    expect(asking('gpt-4o', rule('gpt-*', ['Groq']), rule('gpt-4*', ['Gemini']))?.llms).toEqual([0])
  })
})

describe('a pattern', () => {
  test.each([
    ['gpt-4o*', 'gpt-4o', true],
    ['gpt-4o*', 'gpt-4o-mini', true],
    ['gpt-4o*', 'gpt-4', false],
    ['*-mini', 'gpt-4o-mini', true],
    ['*-mini', 'gpt-4o-mini-2', false],
    ['*', '', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-c-b-c', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['a*a', 'a', false],
    ['a**b', 'ab', true],
    ['x.*', 'xyz', false],
  ])('%s and the name "%s"', (pattern, name, matches) => {
    expect(asking(name, rule(pattern, ['Groq'])) !== null).toBe(matches)
  })

  test('that is long and almost matches is answered in no time', () => {
    const before = performance.now()
    expect(asking('a'.repeat(10_000), rule(`${'*a'.repeat(50)}*b`, ['Groq']))).toBeNull()
    expect(performance.now() - before).toBeLessThan(200)
  })
})

test('the names that are told are each told once: auto, LLMs, rules', () => {
  expect(knownNames(specs, [rule('fast', null), rule('Groq', null), rule('gpt-*', null)])).toEqual([
    'auto',
    'Groq',
    'Gemini',
    'fast',
    'gpt-*',
  ])
})
