import type { Call, HttpRequest, Result } from './adapter.ts'
import { conversationOf } from './google-contents.ts'
import {
  asArray,
  asObject,
  asText,
  badRequest,
  compact,
  isObject,
  type JsonObject,
  jsonText,
} from './json.ts'
import { functionsOf, numberOf, outputLimit, stopsOf, wantedFormat } from './messages.ts'
import { jsonRequest } from './request.ts'

/** Google takes no more stop sequences than this. */
const STOPS_MAX = 5

type Thinking = { readonly thinkingBudget: number } | { readonly thinkingLevel: string }

/** Gemini 2.5 thinks within a budget of tokens, Gemini 3 and later at a level; to each its own field. */
const BUDGETS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ['none', 0],
  ['minimal', 1024],
  ['low', 1024],
  ['medium', 8192],
  ['high', 24_576],
  ['xhigh', 24_576],
  ['max', 24_576],
])
/** Not every model of Gemini 3 takes the level MINIMAL, and none can be kept from thinking. */
const LEVELS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['none', 'LOW'],
  ['minimal', 'LOW'],
  ['low', 'LOW'],
  ['medium', 'MEDIUM'],
  ['high', 'HIGH'],
  ['xhigh', 'HIGH'],
  ['max', 'HIGH'],
])
/** The smallest budget of Gemini 2.5 Pro, which always thinks. */
const PRO_BUDGET_MIN = 128

function thinkingOf(effort: unknown, model: string): Thinking | null {
  const budget = BUDGETS.get(effort)
  if (budget === undefined || /gemma|gemini-(?:1|2\.0)/.test(model)) return null
  if (!model.includes('gemini-2.5')) return { thinkingLevel: LEVELS.get(effort)! }
  return { thinkingBudget: model.includes('pro') ? Math.max(budget, PRO_BUDGET_MIN) : budget }
}

function declarationOf({ name, description, parameters }: JsonObject): JsonObject {
  const hasParameters = isObject(parameters) && Object.keys(asObject(parameters.properties)).length > 0
  return compact({
    name: asText(name),
    description: asText(description) || null,
    parametersJsonSchema: hasParameters ? parameters : null,
  })
}

/** `tool_choice` as a mode and, where tools are named, the names that are allowed. */
function callingOf(choice: unknown): JsonObject | null {
  if (choice === 'none') return { mode: 'NONE' }
  if (choice === 'auto') return { mode: 'AUTO' }
  if (choice === 'required') return { mode: 'ANY' }
  const { function: fn, allowed_tools: allowed } = asObject(choice)
  if (isObject(fn)) return { mode: 'ANY', allowedFunctionNames: [asText(fn.name)] }
  if (!isObject(allowed)) return null
  const names = asArray(allowed.tools).map((tool) => asText(asObject(asObject(tool).function).name))
  return { mode: allowed.mode === 'required' ? 'ANY' : 'VALIDATED', allowedFunctionNames: names }
}

function generationConfigOf({ body, spec, stream }: Call): JsonObject {
  const stops = stopsOf(body.stop).slice(0, STOPS_MAX)
  const { json, schema } = wantedFormat(body.response_format)
  return compact({
    maxOutputTokens: outputLimit(body),
    temperature: numberOf(body.temperature),
    topP: numberOf(body.top_p),
    seed: numberOf(body.seed),
    presencePenalty: numberOf(body.presence_penalty),
    frequencyPenalty: numberOf(body.frequency_penalty),
    stopSequences: stops.length > 0 ? stops : null,
    candidateCount: stream ? null : numberOf(body.n),
    responseMimeType: json ? 'application/json' : null,
    responseJsonSchema: schema,
    thinkingConfig: thinkingOf(body.reasoning_effort, spec.model),
  })
}

function pathOf(call: Call): string {
  const { model } = call.spec
  const resource = model.includes('/') ? model : `models/${model}`
  return `/${resource}:${call.stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`
}

/**
 * The request to Google's generateContent. Only fields that Google knows go into it: an unknown one is answered with
 * status 400 (ai.google.dev/api/generate-content).
 */
export function prepareGoogle(call: Call): Result<HttpRequest> {
  const { body, spec } = call
  if (call.stream && typeof body.n === 'number' && body.n > 1) {
    return badRequest('Google streams one choice per request: n must be 1.')
  }
  const functions = functionsOf(body.tools)
  if (functions === null) return badRequest('Google takes tools of type function only.')
  const conversation = conversationOf(body.messages, spec.model)
  if (conversation.problem !== null) return badRequest(conversation.problem)

  const calling = functions.length > 0 ? callingOf(body.tool_choice) : null
  const tier = body.service_tier === 'flex' || body.service_tier === 'priority' ? body.service_tier : null
  const request = compact({
    systemInstruction: conversation.systemInstruction,
    contents: conversation.contents,
    tools: functions.length > 0 ? [{ functionDeclarations: functions.map(declarationOf) }] : null,
    toolConfig: calling === null ? null : { functionCallingConfig: calling },
    generationConfig: generationConfigOf(call),
    serviceTier: tier,
  })
  return jsonRequest(
    call,
    pathOf(call),
    jsonText(request),
    call.apiKey === null ? {} : { 'x-goog-api-key': call.apiKey },
  )
}
