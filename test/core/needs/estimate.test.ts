import { describe, expect, test } from 'vitest'
import type { ChatBody, ChatMessage } from '../../../src/core/needs/chat.ts'
import { corrected, EXACT, estimateText, needsOf } from '../../../src/core/needs/estimate.ts'

/** Samples of the classes of content whose characters per token were measured with o200k_base. */
const ENGLISH = 'The quick brown fox jumps over the lazy dog. '.repeat(10)
const CODE = 'export function sum(a: number, b: number): number {\n  return a + b\n}\n'.repeat(10)
const JSON_TEXT = JSON.stringify({ id: 17, name: 'Ada', tags: ['x', 'y'], active: true }).repeat(10)
const CHINESE = '今天天气很好,我们一起去公园散步吧。'.repeat(10)
const RUSSIAN = 'Сегодня хорошая погода, пойдём гулять в парк. '.repeat(10)
const BASE64 = 'aGVsbG8gd29ybGQgdGhpcyBpcyBub3QgcHJvc2UgYnV0IGRhdGEhIQ'.repeat(10)

describe('a text is estimated by what it is made of', () => {
  test.each([
    ['English prose', ENGLISH, 3.1, 3.7],
    ['code', CODE, 2.6, 3.7],
    ['JSON', JSON_TEXT, 2, 3.1],
    ['Chinese', CHINESE, 1, 1.4],
    ['Russian', RUSSIAN, 1.9, 2.4],
    ['base64', BASE64, 1.39, 1.41],
  ])('%s', (_name, text, least, most) => {
    const charactersPerToken = text.length / estimateText(text)
    expect(charactersPerToken).toBeGreaterThanOrEqual(least)
    expect(charactersPerToken).toBeLessThanOrEqual(most)
  })

  test('never below the characters per token that were measured on real text', () => {
    const measured = { english: 3.94, code: 4.69, json: 3.56, chinese: 1.57, russian: 3.48, base64: 1.46 }
    const samples = {
      english: ENGLISH,
      code: CODE,
      json: JSON_TEXT,
      chinese: CHINESE,
      russian: RUSSIAN,
      base64: BASE64,
    }
    for (const [name, text] of Object.entries(samples)) {
      const least = text.length / measured[name as keyof typeof measured]
      expect(estimateText(text), name).toBeGreaterThanOrEqual(least)
      expect(estimateText(text), name).toBeLessThanOrEqual(1.9 * least)
    }
  })

  test('an unbroken run counts as data from its 32nd character on, and words around it do not', () => {
    expect(estimateText('x'.repeat(31))).toBe(Math.ceil(31 / 3.6))
    expect(estimateText('x'.repeat(32))).toBe(Math.ceil(32 / 1.4))
    expect(estimateText(`${'x'.repeat(32)} and so on`)).toBe(Math.ceil(32 / 1.4 + 10 / 3.6))
  })

  test('nothing costs nothing, and one character costs a token', () => {
    expect(estimateText('')).toBe(0)
    for (const one of ['a', ' ', '7', '.', '好', 'я', '🦊'])
      expect(estimateText(one)).toBeGreaterThanOrEqual(1)
  })

  test('a long one is read in one pass', () => {
    const before = performance.now()
    estimateText('一'.repeat(1_000_000))
    estimateText('a'.repeat(4_000_000))
    expect(performance.now() - before).toBeLessThan(2000)
  })
})

const bodyOf = (rest: Partial<ChatBody>, ...messages: ChatMessage[]): ChatBody => ({
  model: 'auto',
  messages: messages.length > 0 ? messages : [{ role: 'user', content: 'hi' }],
  ...rest,
})

describe('a request needs', () => {
  test('three tokens to start, three for each message, and its text', () => {
    const text = { role: 'user', content: 'x'.repeat(36) }
    expect(needsOf(bodyOf({}, { role: 'user', content: '' })).inputTokens).toBe(6)
    expect(needsOf(bodyOf({}, { role: 'user', content: null })).inputTokens).toBe(6)
    const both = needsOf(bodyOf({}, text, text)).inputTokens
    expect(both).toBe(3 + 2 * (3 + estimateText(text.content)))
  })

  test('the modes of its parts', () => {
    const image = { type: 'image_url', image_url: { url: 'data:,' } }
    const audio = { type: 'input_audio', input_audio: { data: '', format: 'wav' } }
    const modes = (...types: string[]) =>
      needsOf(bodyOf({}, { role: 'user', content: types.map((type) => ({ type })) })).modes
    expect(modes('text')).toEqual(['text'])
    expect(modes('text', 'image_url')).toEqual(['text', 'vision'])
    expect(modes('input_audio', 'video_url', 'file')).toEqual(['text', 'audio', 'video', 'other'])
    expect(modes('hologram')).toEqual(['text', 'other'])
    const mixed = needsOf(bodyOf({}, { role: 'user', content: [image, audio] }))
    expect(mixed.inputTokens).toBeGreaterThan(1000)
  })

  test('the output that its client allows, for all choices together', () => {
    expect(needsOf(bodyOf({})).outputTokens).toBeNull()
    expect(needsOf(bodyOf({ max_tokens: 50 })).outputTokens).toBe(50)
    expect(needsOf(bodyOf({ max_tokens: 50, max_completion_tokens: 70 })).outputTokens).toBe(70)
    expect(needsOf(bodyOf({ max_tokens: 50, n: 3 })).outputTokens).toBe(150)
    expect(needsOf(bodyOf({ max_tokens: null, n: null })).outputTokens).toBeNull()
  })

  test('room for its tools, their earlier calls and the form of its answer', () => {
    const plain = needsOf(bodyOf({}))
    const tools = needsOf(bodyOf({ tools: [{ type: 'function', function: { name: 'f' } }] }))
    expect(tools).toMatchObject({ tools: true, structured: false })
    expect(tools.inputTokens).toBeGreaterThan(plain.inputTokens)
    expect(needsOf(bodyOf({ tools: [] }))).toEqual(plain)
    expect(needsOf(bodyOf({ response_format: { type: 'text' } }))).toEqual(plain)
    const structured = needsOf(bodyOf({ response_format: { type: 'json_schema', json_schema: {} } }))
    expect(structured.structured).toBe(true)
    expect(structured.inputTokens).toBeGreaterThan(plain.inputTokens)
  })
})

describe('the correction', () => {
  test('goes half the way up at once, and a sixteenth of the way down', () => {
    expect(corrected(EXACT, 100, 200)).toBe(1500)
    expect(corrected(EXACT, 100, 50)).toBe(1000 - Math.floor(500 / 16))
    expect(corrected(EXACT, 100, 100)).toBe(EXACT)
  })

  test('stays between a quarter and four times, whatever is reported', () => {
    let [up, down] = [EXACT, EXACT]
    for (let i = 0; i < 200; i++) {
      up = corrected(up, 1, 1_000_000)
      down = corrected(down, 1_000_000, 1)
    }
    expect(up).toBe(4 * EXACT)
    expect(down).toBeGreaterThanOrEqual(EXACT / 4)
    expect(down).toBeLessThan(EXACT / 4 + 16)
  })

  test('learns nothing from a count of nothing', () => {
    expect(corrected(1234, 0, 10)).toBe(1234)
    expect(corrected(1234, 10, 0)).toBe(1234)
  })
})
