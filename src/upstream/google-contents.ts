import { asArray, asObject, asText, compact, isObject, type JsonObject, parseJson } from './json.ts'
import { argumentsOf, dataUrl, textsOf, toolNames, urlOf } from './messages.ts'

/** A message of Google's: its roles are `user` and `model` alone. */
interface Content {
  role: 'user' | 'model'
  parts: JsonObject[]
}

export interface Conversation {
  readonly contents: readonly Content[]
  readonly systemInstruction: { readonly parts: readonly JsonObject[] } | null
  /** Why this conversation cannot be put to Google; null when it can. */
  readonly problem: string | null
}

/** What the translation of one message needs to know beyond it. */
interface Context {
  readonly names: ReadonlyMap<string, string>
  readonly signed: boolean
  readonly problems: string[]
}

/** Google's documented stand-in for a thought signature, for calls that another model made. */
const NO_SIGNATURE = 'skip_thought_signature_validator'

const MIME_OF_SUFFIX: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['html', 'text/html'],
  ['json', 'application/json'],
])

function textParts(content: unknown): JsonObject[] {
  return textsOf(content).map((text) => ({ text }))
}

/** Data goes inline; Google fetches https addresses, its own files and videos itself. */
function mediaPart(url: string, { problems }: Context): JsonObject[] {
  const inline = dataUrl(url)
  if (inline !== null) return [{ inlineData: inline }]
  if (/^(?:https?|gs):\/\//.test(url)) return [{ fileData: { fileUri: url } }]
  problems.push('Google takes media as base64 data URLs or https addresses only.')
  return []
}

function filePart(file: JsonObject, context: Context): JsonObject[] {
  const data = asText(file.file_data)
  if (data === '')
    context.problems.push('Google needs file_data: a file_id is known to its own provider only.')
  if (data === '' || data.startsWith('data:')) return data === '' ? [] : mediaPart(data, context)
  const suffix = asText(file.filename).split('.').pop()!.toLowerCase()
  return [{ inlineData: { mimeType: MIME_OF_SUFFIX.get(suffix) ?? 'application/pdf', data } }]
}

function contentPart(value: unknown, context: Context): JsonObject[] {
  const part = asObject(value)
  switch (part.type) {
    case 'image_url':
      return mediaPart(urlOf(part.image_url), context)
    case 'video_url':
      return mediaPart(urlOf(part.video_url), context)
    case 'input_audio': {
      const { data, format } = asObject(part.input_audio)
      return [{ inlineData: { mimeType: `audio/${asText(format) || 'wav'}`, data: asText(data) } }]
    }
    case 'file':
      return filePart(asObject(part.file), context)
    case undefined:
    case 'text':
    case 'refusal':
      return textParts([value])
    default:
      context.problems.push(`Google takes no content of type ${asText(part.type)}.`)
      return []
  }
}

function userParts(content: unknown, context: Context): JsonObject[] {
  return Array.isArray(content) ? content.flatMap((part) => contentPart(part, context)) : textParts(content)
}

function signatureOf(call: JsonObject): string | null {
  return asText(asObject(asObject(call.extra_content).google).thought_signature) || null
}

/** Of parallel calls only the first is signed; Google refuses a first call without a signature. */
function callParts(toolCalls: unknown, { signed, problems }: Context): JsonObject[] {
  const calls = asArray(toolCalls).map(asObject)
  const standIn = signed && !calls.some((call) => signatureOf(call) !== null) ? NO_SIGNATURE : null
  return calls.map((call, index) => {
    const { name, arguments: text } = asObject(call.function)
    if (!asText(name)) problems.push('Google takes tool calls of type function only.')
    return compact({
      functionCall: compact({ id: asText(call.id) || null, name: asText(name), args: argumentsOf(text) }),
      thoughtSignature: signatureOf(call) ?? (index === 0 ? standIn : null),
    })
  })
}

function resultPart(message: JsonObject, { names, problems }: Context): JsonObject {
  const id = asText(message.tool_call_id)
  const name = names.get(id) || asText(message.name)
  if (name === '') problems.push('A tool message answers no tool call of this conversation.')
  const text = textsOf(message.content).join('\n')
  const value = parseJson(text)
  const response = isObject(value) ? value : { output: text }
  return { functionResponse: compact({ id: id || null, name, response }) }
}

function contentOf(message: JsonObject, context: Context): Content {
  switch (message.role) {
    case 'assistant':
      return {
        role: 'model',
        parts: [...textParts(message.content), ...callParts(message.tool_calls, context)],
      }
    case 'tool':
    case 'function':
      return { role: 'user', parts: [resultPart(message, context)] }
    default:
      return { role: 'user', parts: userParts(message.content, context) }
  }
}

/** Older models refuse two contents of one role in a row, and the results of one step belong together. */
function merged(contents: readonly Content[]): Content[] {
  const result: Content[] = []
  for (const { role, parts } of contents) {
    const last = result.at(-1)
    if (parts.length === 0) continue
    if (last?.role === role) for (const part of parts) last.parts.push(part)
    else result.push({ role, parts: [...parts] })
  }
  return result
}

function isSystem(message: JsonObject): boolean {
  return message.role === 'system' || message.role === 'developer'
}

/** Gemini 3 and later check that calls are signed; what came before knows no signatures. */
function wantsSignatures(model: string): boolean {
  return !/gemma|gemini-[12]\b/.test(model)
}

/**
 * OpenAI messages, of any shape, as Google's contents. Gemma knows no system instruction and gets it with the first
 * turn, and a conversation of nothing but system messages becomes a turn of the user, since contents must not be empty.
 */
export function conversationOf(value: unknown, model: string): Conversation {
  const messages = asArray(value).map(asObject)
  const context: Context = { names: toolNames(messages), signed: wantsSignatures(model), problems: [] }
  const system = messages.filter(isSystem).flatMap((message) => textParts(message.content))
  const turns = messages.filter((message) => !isSystem(message)).map((message) => contentOf(message, context))
  const contents = merged(turns)
  const asTurn = system.length > 0 && (contents.length === 0 || model.includes('gemma'))
  const all = asTurn ? merged([{ role: 'user', parts: system }, ...contents]) : contents
  if (all.length === 0) context.problems.push('The messages are empty.')
  return {
    contents: all,
    systemInstruction: asTurn || system.length === 0 ? null : { parts: system },
    problem: context.problems[0] ?? null,
  }
}
