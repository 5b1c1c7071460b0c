import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openai } from '../../src/upstream/openai.ts'
import { SEGMENT_BYTES_MAX } from '../../src/upstream/segments.ts'
import { bytes, cut, relayed, streamCall } from './call.ts'

const event = (fields: object) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', ...fields })}\n\n`
const delta = (content: string, more: object = {}) =>
  event({ choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })
const finish = (more: object = {}) =>
  event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], ...more })
const USAGE = {
  prompt_tokens: 7,
  completion_tokens: 2,
  total_tokens: 9,
  prompt_tokens_details: { cached_tokens: 1 },
}
const CHARGED = { input_tokens: 7, output_tokens: 2, cached_tokens: 1 }
const DONE = 'data: [DONE]\n\n'

const relay = (text: string, wantsUsage = false) =>
  relayed(openai.openStream(streamCall({ wantsUsage })), [bytes(text)])

test('an ordinary chunk is handed on as the very same bytes', () => {
  const chunk = bytes(delta('Hé') + delta('said "usage" and [DONE'))
  expect(openai.openStream(streamCall()).push(chunk)).toBe(chunk)
  const withNull = bytes(delta('Hi', { usage: null }))
  expect(openai.openStream(streamCall({ wantsUsage: true })).push(withNull)).toBe(withNull)
})

test.each(['\n\n', '\r\n\r\n', '\r\r'])('an event goes on with the last byte of its end %j', (end) => {
  const told = openai.openStream(streamCall())
  const [...single] = bytes(`data: {}${end}`)
  const lengths = single.map((byte) => told.push(Uint8Array.of(byte))?.length ?? 0)
  expect(lengths).toEqual([...single.slice(1).map(() => 0), single.length])
})

test('a client that did not ask for usage sees the stream as it is without usage', () => {
  const asked =
    delta('a', { usage: null }) + finish({ usage: null }) + event({ choices: [], usage: USAGE }) + DONE
  expect(relay(asked)).toEqual({
    text: delta('a') + finish() + DONE,
    usage: CHARGED,
    finishReason: 'stop',
    failure: null,
  })
  expect(relay(asked, true)).toMatchObject({ text: asked, usage: CHARGED })
})

test('only a null usage at the top level goes, wherever it stands and however it is spaced', () => {
  const stays = 'data: {"choices":[{"delta":{"content":", \\"usage\\":null"}}],"x":{"a":1,"usage":null}'
  expect(relay(`${stays},"usage":null,"z":1}\n\n`).text).toBe(`${stays},"z":1}\n\n`)
  expect(relay(`${stays}, "usage": null}\n\n`).text).toBe(`${stays}}\n\n`)
  expect(relay('data: {"usage":null,"choices":[]}\n\n').text).toBe('data: {"choices":[]}\n\n')
  expect(relay(`${stays}}\n\n`).text).toBe(`${stays}}\n\n`)
})

test('usage in a chunk that has choices stays with it', () => {
  const mistral = delta('a') + finish({ usage: USAGE })
  expect(relay(mistral)).toEqual({
    text: mistral,
    usage: CHARGED,
    finishReason: 'stop',
    failure: null,
  })
  const groq = finish({ x_groq: { id: 'r', usage: USAGE } }) + DONE
  expect(relay(groq)).toMatchObject({ text: groq, usage: CHARGED })
})

test('comments and a null error pass, spaces in JSON are understood', () => {
  const text = `: OPENROUTER PROCESSING\n\n${delta('a', { error: null })}data: {"choices": [{"finish_reason" : "length"}]}\n\n`
  expect(relay(text)).toEqual({ text, usage: null, finishReason: 'length', failure: null })
})

describe('an error within the stream', () => {
  test('ends the relay with what came before it', () => {
    const error = event({ error: { code: 503, message: 'gone' }, choices: [{ finish_reason: 'error' }] })
    const told = openai.openStream(streamCall())
    expect(relayed(told, [bytes(delta('a') + error + delta('b'))])).toMatchObject({
      text: delta('a'),
      failure: { class: 'overloaded', status: 503, message: 'gone' },
    })
    expect(told.push(bytes(delta('c')))).toBe(null)
  })

  test('is classified by its code, and Groq writes it elsewhere', () => {
    expect(relay(event({ error: { code: 'context_length_exceeded', message: 'm' } })).failure?.class).toBe(
      'too_large',
    )
    expect(relay(event({ x_groq: { error: 'broke off' } })).failure).toMatchObject({
      class: 'server_error',
      message: 'broke off',
    })
  })
})

describe('the end of the stream', () => {
  test('needs [DONE] or a finish reason', () => {
    expect(relay(delta('a')).failure?.class).toBe('interrupted')
    expect(relay('').failure?.class).toBe('interrupted')
    expect(relay(delta('a') + DONE).failure).toBe(null)
    expect(relay(finish()).failure).toBe(null)
    expect(relay(delta('[DONE]')).failure?.class).toBe('interrupted')
  })

  test('may lack its last blank line', () => {
    expect(relay(`${finish()}data: [DONE]`)).toMatchObject({
      text: `${finish()}data: [DONE]`,
      failure: null,
    })
    expect(relay(`${delta('a')}data: {"cho`)).toMatchObject({
      text: delta('a'),
      failure: { class: 'interrupted' },
    })
  })
})

test('an answer that is no event stream gives nothing to the client', () => {
  const page = '<html>\n\n<p>busy</p>\n\n</html>'
  expect(relay(page)).toMatchObject({ text: '', failure: { class: 'invalid_answer' } })
  expect(relay('{"error":{"code":"insufficient_quota"}}')).toMatchObject({
    text: '',
    failure: { class: 'quota_exhausted' },
  })
})

test('an event without an end is not held for ever', () => {
  const told = openai.openStream(streamCall())
  const chunk = bytes('data: '.padEnd(65_536, 'x'))
  let pushed = 0
  while (told.failure === null && pushed < 100) {
    expect(told.push(chunk)).toBe(null)
    pushed++
  }
  expect(pushed).toBe(SEGMENT_BYTES_MAX / 65_536 + 1)
  expect(told.failure?.class).toBe('invalid_answer')
})

describe('however the bytes are cut', () => {
  const piece = fc.constantFrom(
    delta('héllo 🌍'),
    delta('a', { usage: null }),
    event({ choices: [], usage: USAGE }),
    finish({ usage: null }),
    ': comment\n\n',
    event({ error: { message: 'gönn', code: 'slow_down' } }),
    '\n',
    DONE,
    'data: {"choices":[],"x":{"usage":null},"usage":null}\n\n',
  )
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
  const offsets = fc.array(fc.nat(3000), { maxLength: 40 })

  test('the client gets the same bytes and the balancer the same facts', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        lineEnd,
        offsets,
        fc.boolean(),
        (pieces, end, places, wantsUsage) => {
          const whole = bytes(pieces.join('').replaceAll('\n', end))
          const inOne = relayed(openai.openStream(streamCall({ wantsUsage })), [whole.slice()])
          expect(relayed(openai.openStream(streamCall({ wantsUsage })), cut(whole, places))).toEqual(inOne)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('garbage never makes the relay throw', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 60 }), piece.map(bytes))), (chunks) => {
        const { text } = relayed(openai.openStream(streamCall()), chunks)
        expect(typeof text).toBe('string')
      }),
    )
  })
})
