import type { ChatBody } from '../core/needs/chat.ts'
import { needsOf } from '../core/needs/estimate.ts'
import type { InputData } from '../core/events.ts'
import { logUnavailable, type Refusal } from '../core/refusal.ts'
import type { ClientSpec } from '../core/types.ts'
import { badRequest, errorResponse, failureResponse } from './errors.ts'
import { exchange } from './exchange.ts'
import type { Gateway } from './gateway.ts'
import { checkChat } from './parse-chat.ts'
import { readBody } from './read-body.ts'
import { type Wishes, wishesOf } from './request-headers.ts'

/**
 * `POST /v1/chat/completions`: authenticates, bounds and parses the body once, and hands the request on. Never rejects:
 * what fails inside becomes an answer, too.
 */
export async function chatCompletions(gateway: Gateway, request: Request): Promise<Response> {
  try {
    const identity = gateway.identify(request.headers)
    if (!identity.ok) return errorResponse(identity.refusal, {})
    const closed = refusalOfLog(gateway)
    if (closed !== null) return errorResponse(closed, {})
    const wishes = wishesOf(request.headers)
    if (typeof wishes === 'string') return errorResponse(badRequest(wishes), {})
    const read = await readBody(request, gateway.config.general.maxBodyBytes)
    if (!read.ok) return errorResponse(read.refusal, {})
    const { text, bytes } = read
    const parsed = parse(text)
    if (!parsed.ok) return errorResponse(parsed.refusal, {}, parsed.param)
    const received = receivedOf(gateway, parsed.body, bytes, identity.client, wishes)
    return await exchange(gateway, { body: parsed.body, text, received, signal: request.signal })
  } catch (error) {
    return failureResponse(gateway, error)
  }
}

/** A request that the log could not keep is not taken: always when the disk is slow, else where it is so declared. */
export function refusalOfLog({ log, config }: Gateway): Refusal | null {
  const { status } = log()
  if (status === 'slow') return logUnavailable(true)
  return status === 'failing' && config.eventLog.onFailure === 'refuse' ? logUnavailable(false) : null
}

type Parsed = { ok: true; body: ChatBody } | { ok: false; refusal: Refusal; param: string | null }

function parse(text: string): Parsed {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    const refusal = badRequest(
      `The request body is not valid JSON: ${(error as Error).message.slice(0, 200)}.`,
      'invalid_json',
    )
    return { ok: false, refusal, param: null }
  }
  const checked = checkChat(json)
  if (checked.ok) return checked
  const { param, message } = checked.complaint
  return { ok: false, refusal: badRequest(message, 'invalid_type'), param }
}

function receivedOf(
  { config }: Gateway,
  body: ChatBody,
  bytes: number,
  client: ClientSpec,
  wishes: Wishes,
): InputData['request.received'] {
  const needs = needsOf(body)
  return {
    client: client.name,
    endpoint: 'chat',
    model: body.model,
    modes: needs.modes,
    tools: needs.tools,
    structured: needs.structured,
    stream: body.stream === true,
    body_bytes: bytes,
    input_tokens: needs.inputTokens,
    output_tokens: needs.outputTokens,
    choices: needs.choices,
    priority: wishes.priority ?? client.priority,
    max_wait_ms: Math.min(wishes.maxWaitMs ?? config.queue.maxWaitMs, LONGEST_WAIT_MS),
    weights: wishes.weights,
    min_quality: wishes.bounds.minQuality,
    max_cost_nano_usd: wishes.bounds.maxCostNanoUsd,
  }
}

/** A day: longer waits are for a batch service, not for an open connection. */
const LONGEST_WAIT_MS = 86_400_000
