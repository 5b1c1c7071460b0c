import type { ChatBody } from '../core/needs/chat.ts'

/** A check that one field fails: what it has to be, and the field's path. */
export interface Complaint {
  readonly param: string
  readonly message: string
}

type Check = readonly [field: string, expected: string, test: (value: unknown) => boolean]

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1

/** A name is repeated in messages, and kept in the log. */
const MODEL_LENGTH_MAX = 256

/** The fields that routing reads; all others are the provider's to judge. Null means unset, as at OpenAI. */
const OPTIONAL: readonly Check[] = [
  ['stream', 'true or false', (value) => typeof value === 'boolean'],
  ['stream_options', 'an object', isObject],
  ['max_tokens', 'a whole number of at least 1', isCount],
  ['max_completion_tokens', 'a whole number of at least 1', isCount],
  ['n', 'a whole number of at least 1', isCount],
  ['tools', 'an array', Array.isArray],
  ['response_format', 'an object', isObject],
]

/** Checks the shape of a chat completion request as far as the balancer relies on it. O(messages). */
export function checkChat(body: unknown): { ok: true; body: ChatBody } | { ok: false; complaint: Complaint } {
  const complaint = isObject(body)
    ? complaintOf(body as Record<string, unknown>)
    : complain('body', 'a JSON object', body)
  return complaint === null ? { ok: true, body: body as ChatBody } : { ok: false, complaint }
}

/** Deeper values cannot be handed on: every runtime's JSON writer recurses into them. */
const MAX_DEPTH = 256

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (depth === 0) return true
  if (Array.isArray(value)) {
    for (const inner of value) if (isDeeper(inner, depth - 1)) return true
    return false
  }
  for (const name in value) if (isDeeper((value as Record<string, unknown>)[name], depth - 1)) return true
  return false
}

function complaintOf(body: Record<string, unknown>): Complaint | null {
  if (isDeeper(body, MAX_DEPTH))
    return { param: 'body', message: `"body" is nested more than ${MAX_DEPTH} levels deep.` }
  if (typeof body.model !== 'string' || body.model === '')
    return complain('model', 'the name of a model', body.model)
  if (body.model.length > MODEL_LENGTH_MAX)
    return { param: 'model', message: `"model" is longer than ${MODEL_LENGTH_MAX} characters.` }
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return complain('messages', 'a list of at least one message', body.messages)
  }
  for (const [field, expected, test] of OPTIONAL) {
    const value = body[field]
    if (value !== undefined && value !== null && !test(value)) return complain(field, expected, value)
  }
  for (let i = 0; i < body.messages.length; i++) {
    const found = complaintOfMessage(body.messages[i], `messages[${i}]`)
    if (found !== null) return found
  }
  return null
}

function complaintOfMessage(message: unknown, path: string): Complaint | null {
  if (!isObject(message)) return complain(path, 'an object', message)
  const { role, content } = message as Record<string, unknown>
  if (typeof role !== 'string') return complain(`${path}.role`, 'a string', role)
  if (content === undefined || content === null || typeof content === 'string') return null
  if (!Array.isArray(content)) return complain(`${path}.content`, 'a string or a list of parts', content)
  const wrong = content.findIndex((part) => !isObject(part) || typeof part.type !== 'string')
  return wrong < 0 ? null : complain(`${path}.content[${wrong}]`, 'an object with a type', content[wrong])
}

function complain(param: string, expected: string, value: unknown): Complaint {
  const message = value === undefined ? `"${param}" is missing` : `"${param}" is ${kindOf(value)}`
  return { param, message: `${message}; it must be ${expected}.` }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'object' ? 'an object' : value === '' ? 'an empty string' : `a ${typeof value}`
}
