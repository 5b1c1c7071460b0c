import type { Adapter, Call, HttpRequest, Result } from './adapter.ts'
import { failureOf } from './failure.ts'
import { asArray, badRequest, isObject, jsonText } from './json.ts'
import { GROQ_DIALECTS, limitReports } from './limit-headers.ts'
import { openai, relayedBody } from './openai.ts'
import { readError } from './provider-error.ts'
import { bearerRequest } from './request.ts'

/**
 * Groq answers 400 to these fields, to names of messages and to more than one choice (console.groq.com/docs/openai).
 */
const REFUSED = ['logprobs', 'top_logprobs', 'logit_bias']

const hasName = (message: unknown) => isObject(message) && 'name' in message

function withoutName(message: unknown): unknown {
  if (!isObject(message) || !hasName(message)) return message
  const { name: _, ...rest } = message
  return rest
}

function prepare(call: Call): Result<HttpRequest> {
  const { n, messages } = call.body
  if (typeof n === 'number' && n !== 1) return badRequest('Groq gives one choice per request: n must be 1.')
  const named = asArray(messages).some(hasName)
  if (!named && !REFUSED.some((field) => field in call.body)) return openai.prepare(call)
  const { logprobs: _logprobs, top_logprobs: _top, logit_bias: _bias, ...body } = relayedBody(call)
  if (named) body.messages = asArray(messages).map(withoutName)
  return bearerRequest(call, '/chat/completions', jsonText(body))
}

/** Groq's API: OpenAI's, less some fields, with limit headers and errors of its own meaning. */
export const groq: Adapter = {
  ...openai,
  prepare,
  classify(status, headers, body, now) {
    const error = readError(body)
    const failure = failureOf(status, error, now, headers)
    // The model wrote broken JSON or a broken tool call; another model, or another try, may do better.
    return 'failed_generation' in error.fields ? { ...failure, class: 'invalid_answer' } : failure
  },
  limits: (headers, now) => limitReports(headers, now, GROQ_DIALECTS),
}
