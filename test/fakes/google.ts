import type { Refusal } from './limiter.ts'
import { countTokens, type Script, scriptOf } from './script.ts'
import {
  type Body,
  type Dialect,
  type Fake,
  type FakeOptions,
  type Reply,
  type Seen,
  startFake,
} from './server.ts'

/** Gemini's own REST API at `/v1beta/models/MODEL:generateContent` and `:streamGenerateContent?alt=sse`. */
export function startGoogle(options: FakeOptions = {}): Promise<Fake> {
  return startFake(googleDialect, options)
}

const ROUTE = /^\/v1beta\/models\/([^/:?]+):(generateContent|streamGenerateContent\?alt=sse)$/
const FIELDS = [
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'safetySettings',
  'generationConfig',
  'cachedContent',
]

const googleDialect: Dialect = {
  name: 'google',
  measure: (body, options) => ({
    inputTokens: countTokens(promptOf(body)),
    outputBound: body.generationConfig?.maxOutputTokens ?? options.outputTokens ?? 8,
  }),
  check,
  answer: ({ path, body }, options) => {
    const [, model = '', method] = ROUTE.exec(path) ?? []
    const script = scriptFor(body ?? {}, options)
    const tokens = { inputTokens: countTokens(promptOf(body ?? {})), outputTokens: script.outputTokens }
    if (method === 'generateContent')
      return reply(200, [JSON.stringify(chunk(model, script, parts(script), tokens, true))], tokens)
    return {
      ...reply(200, streamEvents(model, script, tokens), tokens),
      headers: { 'content-type': 'text/event-stream' },
    }
  },
  refuse: (refusal, { path }) => quotaFailure(refusal, ROUTE.exec(path)?.[1] ?? ''),
}

interface Tokens {
  readonly inputTokens: number
  readonly outputTokens: number
}

function promptOf(body: Body): unknown {
  return [body.contents, body.systemInstruction]
}

function scriptFor(body: Body, options: FakeOptions): Script {
  const last = body.contents?.at(-1)
  const answersTool = last?.parts?.some((part: Body) => part.functionResponse)
  const name = body.tools?.[0]?.functionDeclarations?.[0]?.name ?? null
  return scriptOf(
    promptOf(body),
    body.generationConfig?.maxOutputTokens ?? null,
    answersTool ? null : name,
    options,
  )
}

function parts(script: Script): object[] {
  if (!script.toolCall) return [{ text: script.pieces.join('') }]
  const { name, arguments: args } = script.toolCall
  return [
    { functionCall: { id: `fc_${script.digest}`, name, args }, thoughtSignature: `sig-${script.digest}` },
  ]
}

function chunk(model: string, script: Script, content: object[], tokens: Tokens, last: boolean) {
  const finishReason = script.truncated ? 'MAX_TOKENS' : 'STOP'
  const { inputTokens: promptTokenCount, outputTokens: candidatesTokenCount } = tokens
  return {
    candidates: [{ index: 0, content: { role: 'model', parts: content }, ...(last ? { finishReason } : {}) }],
    usageMetadata: {
      promptTokenCount,
      candidatesTokenCount,
      totalTokenCount: promptTokenCount + candidatesTokenCount,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokenCount }],
    },
    modelVersion: model,
    responseId: `resp-${script.digest}`,
  }
}

/** Usage grows from event to event; the last one is an empty text, and nothing but the end says that it was the last. */
function streamEvents(model: string, script: Script, tokens: Tokens): string[] {
  const event = (content: object[], outputTokens: number, last: boolean) =>
    `data: ${JSON.stringify(chunk(model, script, content, { ...tokens, outputTokens }, last))}\r\n\r\n`
  const contents = script.toolCall ? [parts(script)] : script.pieces.map((text) => [{ text }])
  return [
    ...contents.map((content, index) => event(content, index + 1, false)),
    event([{ text: '' }], tokens.outputTokens, true),
  ]
}

function check(seen: Seen, options: FakeOptions): Reply | null {
  if (!ROUTE.test(seen.path))
    return failure(404, 'NOT_FOUND', `${seen.path} is not found for API version v1beta.`)
  if (options.apiKey && seen.headers['x-goog-api-key'] !== options.apiKey)
    return failure(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'API_KEY_INVALID',
        domain: 'googleapis.com',
      },
    ])
  const unknown = Object.keys(seen.body ?? {}).find((name) => !FIELDS.includes(name))
  if (unknown)
    return failure(
      400,
      'INVALID_ARGUMENT',
      `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`,
    )
  if (!Array.isArray(seen.body?.contents) || seen.body.contents.length === 0)
    return failure(400, 'INVALID_ARGUMENT', '* GenerateContentRequest.contents: contents is not specified')
  const tokens = countTokens(promptOf(seen.body))
  if (options.contextLength && tokens > options.contextLength)
    return failure(
      400,
      'INVALID_ARGUMENT',
      `The input token count (${tokens}) exceeds the maximum number of tokens allowed (${options.contextLength}).`,
    )
  return null
}

function quotaFailure({ limit, retryAfterMs }: Refusal, model: string): Reply {
  const per = (limit.perMs ?? 0) > 3_600_000 ? 'Day' : 'Minute'
  const quotaId =
    limit.unit === 'requests'
      ? `GenerateRequestsPer${per}PerProjectPerModel-FreeTier`
      : `GenerateContentInputTokensPerModelPer${per}-FreeTier`
  const unit = limit.unit === 'requests' ? 'requests' : 'input_token_count'
  const quotaMetric = `generativelanguage.googleapis.com/generate_content_free_tier_${unit}`
  const seconds = (retryAfterMs ?? 1000) / 1000
  return failure(
    429,
    'RESOURCE_EXHAUSTED',
    `You exceeded your current quota.\n* Quota exceeded for metric: ${quotaMetric}, limit: ${limit.amount}, ` +
      `model: ${model}\nPlease retry in ${seconds}s.`,
    [
      {
        '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
        violations: [
          {
            quotaMetric,
            quotaId,
            quotaDimensions: { location: 'global', model },
            quotaValue: String(limit.amount),
          },
        ],
      },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` },
    ],
  )
}

function failure(code: number, status: string, message: string, details?: object[]): Reply {
  return reply(code, [JSON.stringify({ error: { code, message, status, details } })], {
    inputTokens: 0,
    outputTokens: 0,
  })
}

function reply(status: number, chunks: readonly string[], tokens: Tokens): Reply {
  return { status, headers: { 'content-type': 'application/json; charset=UTF-8' }, chunks, ...tokens }
}
