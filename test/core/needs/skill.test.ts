import { expect, test } from 'vitest'
import { initialSkill, learned } from '../../../src/core/needs/skill.ts'
import { llm } from '../../support/llms.ts'

const first = initialSkill(llm('A'))
const answer = (estimatedTokens: number, inputTokens: number) => ({
  ...{ estimatedTokens, inputTokens, outputTokens: 10, firstByteMs: 100, durationMs: 1100 },
})

test('what a provider adds to short prompts is no reason to take long ones for longer', () => {
  let skill = first
  for (let i = 0; i < 5; i++) skill = learned(skill, answer(8, 43))
  expect(skill).toMatchObject({ factor: 1000, overheadTokens: 35 })
})

test('long prompts tell how a provider counts text, less what it adds', () => {
  let skill = learned(first, answer(8, 43))
  for (let i = 0; i < 20; i++) skill = learned(skill, answer(1000, 1535))
  expect(skill).toMatchObject({ factor: 1500, overheadTokens: 35 })
})

test('an answer without usage tells nothing of counting', () => {
  const silent = { ...answer(1000, 0), inputTokens: null, outputTokens: null }
  expect(learned(first, silent)).toMatchObject({ factor: 1000, overheadTokens: 0, expectedOutput: 1024 })
})
