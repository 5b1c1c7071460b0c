import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { google } from '../../src/upstream/google.ts'
import { groq } from '../../src/upstream/groq.ts'
import { openai } from '../../src/upstream/openai.ts'
import { bytes, callOf, eventsIn, relayed, streamCall } from './call.ts'

/** Recorded answers of real providers, which are not a part of the project. */
const RECORDED = new URL('../../../shared/fixtures/', import.meta.url)
const present = existsSync(RECORDED)
const SUITES = [
  ['openai', openai, /azure-model-router/],
  ['mistral', openai, /mistral/],
  ['groq', groq, /text\.json|tool-call/],
  ['google', google, /text|tool-call|reasoning/],
] as const

const files = (folder: string, pattern: RegExp): string[] =>
  present
    ? readdirSync(new URL(`${folder}/`, RECORDED)).filter(
        (name) => pattern.test(name) && !name.includes('transcription'),
      )
    : []
const read = (folder: string, name: string): string =>
  readFileSync(new URL(`${folder}/${name}`, RECORDED), 'utf8')

test.skipIf(present)('recorded answers are not checked: there is no folder ../shared/fixtures', () => {})

describe.each(present ? SUITES : [])('recorded by %s', (folder, adapter, pattern) => {
  for (const name of files(folder, pattern)) {
    test(name, () => {
      if (name.endsWith('.json')) {
        const answer = adapter.answer(bytes(read(folder, name)), callOf())
        expect(answer).toMatchObject({
          ok: true,
          value: { finishReason: expect.any(String), usage: expect.anything() },
        })
        return
      }
      const lines = read(folder, name)
        .split('\n')
        .filter((line) => line !== '')
      const stream = lines.map((line) => `data: ${line}\n\n`).join('')
      const { text, usage, finishReason, failure } = relayed(adapter.openStream(streamCall()), [
        bytes(stream),
      ])
      expect(failure).toBe(null)
      expect(finishReason).toMatch(/^(stop|tool_calls)$/)
      expect(usage?.output_tokens).toBeGreaterThan(0)
      expect(eventsIn(text).length).toBeGreaterThan(1)
    })
  }
})

test.skipIf(!present)('a recorded refusal of Google names its quota', () => {
  expect(google.classify(429, new Headers(), read('google', 'google-429-retry-info.json'), 0)).toMatchObject({
    class: 'rate_limited',
    retry_after_ms: 34_400,
    limit: { unit: 'requests', per_ms: 60_000 },
  })
})
