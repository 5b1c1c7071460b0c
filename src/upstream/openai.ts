import type { Adapter, Answer, Call, HttpRequest, Result } from './adapter.ts'
import { withMembers } from './edit-json.ts'
import { classify, failureWithin, invalidAnswer } from './failure.ts'
import { asArray, asObject, asText, decode, isObject, jsonText, parseJson } from './json.ts'
import { limitReports } from './limit-headers.ts'
import { openEventRelay } from './openai-stream.ts'
import { bearerRequest } from './request.ts'
import { openaiUsage } from './usage.ts'

/** What a provider is told otherwise than the client said: a stream always reports its usage, for the ledgers. */
function changes({ spec: { model }, stream, body }: Call): Record<string, unknown> {
  if (!stream) return { model }
  return { model, stream: true, stream_options: { ...asObject(body.stream_options), include_usage: true } }
}

/** The client's body with the provider's model, as an object. */
export function relayedBody(call: Call): { [key: string]: unknown } {
  return { ...call.body, ...changes(call) }
}

/** The client's own text where it can be, with the provider's model in it. */
function prepare(call: Call): Result<HttpRequest> {
  const text = call.text === null ? null : withMembers(call.text, changes(call))
  return bearerRequest(call, '/chat/completions', text ?? jsonText(relayedBody(call)))
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
  prepare,
  answer: relayedAnswer,
  openStream: openEventRelay,
  classify,
  limits: limitReports,
}
