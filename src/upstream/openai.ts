import type { Adapter, Answer, Call, Result } from './adapter.ts'
import { classify, failureWithin, invalidAnswer } from './failure.ts'
import { asArray, asObject, asText, decode, isObject, parseJson } from './json.ts'
import { limitReports } from './limit-headers.ts'
import { openEventRelay } from './openai-stream.ts'
import { bearerRequest } from './request.ts'
import { openaiUsage } from './usage.ts'

/** The client's body with the provider's model; a stream always reports its usage, which the balancer charges. */
export function relayedBody(call: Call): { [key: string]: unknown } {
  const body: { [key: string]: unknown } = { ...call.body, model: call.spec.model }
  if (!call.stream) return body
  body.stream = true
  body.stream_options = { ...asObject(body.stream_options), include_usage: true }
  return body
}

function relayedAnswer(bytes: Uint8Array, call: Call): Result<Answer> {
  const value = parseJson(decode(bytes))
  if (!isObject(value) && !Array.isArray(value)) {
    return { ok: false, failure: invalidAnswer('The answer is not JSON.') }
  }
  const { choices, error, usage, x_groq: groq } = asObject(value)
  if (!Array.isArray(choices)) {
    const reported = Array.isArray(value) || Boolean(error)
    const failure = reported
      ? failureWithin(value, call.created * 1000)
      : invalidAnswer('The answer has no choices.')
    return { ok: false, failure }
  }
  return {
    ok: true,
    value: {
      body: bytes,
      usage: openaiUsage(usage) ?? openaiUsage(asObject(groq).usage),
      finishReason: asText(asObject(asArray(choices)[0]).finish_reason) || null,
    },
  }
}

/** OpenAI's Chat Completions API and everything compatible with it: bodies, answers and streams are relayed. */
export const openai: Adapter = {
  prepare: (call) => bearerRequest(call, '/chat/completions', relayedBody(call)),
  answer: relayedAnswer,
  openStream: openEventRelay,
  classify,
  limits: limitReports,
}
