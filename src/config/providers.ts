import type { ApiType, ChargeRule, Unit, WindowKind } from '../core/types.ts'
import { PROVIDERS, type RawLlm } from './llm-schema.ts'
import { DAY_MS } from './units.ts'

export const BASE_URLS: Readonly<Record<ApiType, string>> = {
  openai: 'https://api.openai.com/v1',
  groq: 'https://api.groq.com/openai/v1',
  google: 'https://generativelanguage.googleapis.com/v1beta',
  ollama: 'http://localhost:11434',
  simulated: '',
}

/** The api_type of an LLM, under whichever of its two names it is written; null when it is not written. */
export function apiTypeOf(llm: Pick<RawLlm, 'api_type' | 'provider'>): ApiType | null {
  if (llm.api_type !== undefined) return llm.api_type
  return llm.provider === undefined ? null : PROVIDERS[llm.provider]
}

/** How a provider counts a limit for which nothing is said. */
export interface Rules {
  readonly window: WindowKind
  readonly timeZone: string | null
  readonly charge: ChargeRule
}

/** Safe for nearly every way of counting; what is declared for an LLM goes before it. */
const UNDOCUMENTED: Rules = { window: 'sliding', timeZone: null, charge: 'unknown' }

/**
 * What providers say of themselves. OpenAI and Groq refill continuously, the day too: the reset time in their headers
 * is that of a bucket. Both count the prompt and the bound on the answer when a request arrives, and say nothing
 * of giving back (platform.openai.com/docs/guides/rate-limits, console.groq.com/docs/rate-limits). The days of
 * Google end at midnight in California (ai.google.dev/gemini-api/docs/rate-limits).
 */
const DOCUMENTED: Partial<Record<ApiType, (perMs: number) => Rules>> = {
  openai: () => ({ window: 'bucket', timeZone: null, charge: 'reserve_no_refund' }),
  groq: () => ({ window: 'bucket', timeZone: null, charge: 'reserve_no_refund' }),
  google: (perMs) =>
    perMs === DAY_MS
      ? { window: 'calendar', timeZone: 'America/Los_Angeles', charge: 'unknown' }
      : UNDOCUMENTED,
}

/**
 * The rules for a limit over `perMs`. They hold at the provider's own address; what is elsewhere may count as it likes.
 */
export function rulesOf(llm: RawLlm, perMs: number): Rules {
  const documented = isAtProvider(llm) ? DOCUMENTED[apiTypeOf(llm)!] : undefined
  return documented === undefined ? UNDOCUMENTED : documented(perMs)
}

/** What the short keys of tokens count: Google limits the tokens of prompts. */
export function tokensOf(llm: RawLlm): Unit {
  return apiTypeOf(llm) === 'google' && isAtProvider(llm) ? 'input_tokens' : 'tokens'
}

function isAtProvider(llm: RawLlm): boolean {
  const apiType = apiTypeOf(llm)
  if (apiType === null) return false
  if (llm.base_url === undefined) return true
  return URL.parse(llm.base_url)?.host === URL.parse(BASE_URLS[apiType])?.host
}
