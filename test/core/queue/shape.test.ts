import { describe, expect, test } from 'vitest'
import { shapeOf } from '../../../src/core/queue/shape.ts'
import { pending } from '../../support/pending.ts'

describe('requests have the same shape', () => {
  const base = { inputTokens: 100, outputTokens: 200, eligible: [0, 1] }
  const keyOf = (rest: Parameters<typeof pending>[0] = {}) => shapeOf(pending({ ...base, ...rest })).key

  test('if they are about as large, whoever sent them and however long they may wait', () => {
    expect(keyOf({ inputTokens: 111, outputTokens: 223, client: 'other', deadline: 1 })).toBe(keyOf())
  })

  test.each([
    ['a longer prompt', { inputTokens: 112 }],
    ['a longer answer', { outputTokens: 224 }],
    ['an answer without bound', { outputTokens: null }],
    ['other LLMs', { eligible: [0] }],
    ['another wish', { weights: { cost: 0, quality: 1, speed: 0 } }],
    ['the choice left to us', { auto: true }],
    ['a failure behind it', { attempts: 1 }],
    ['an LLM that failed it', { excluded: new Set([1]) }],
  ])('but not with %s', (_, rest) => {
    expect(keyOf(rest)).not.toBe(keyOf())
  })

  test('and without bound only if they ask for as many answers', () => {
    const open = { outputTokens: null }
    expect(keyOf({ ...open, choices: 2 })).not.toBe(keyOf(open))
    expect(keyOf({ choices: 2 })).toBe(keyOf())
  })
})

test('a shape knows the LLMs that are left and the least that its requests can ask for', () => {
  const request = pending({
    inputTokens: 111,
    outputTokens: 223,
    eligible: [0, 1, 2],
    excluded: new Set([1]),
  })
  expect(shapeOf(request)).toMatchObject({ llms: [0, 2], inputTokens: 96, outputTokens: 192 })
})
