import type { ApiType } from '../core/types.ts'
import type { Adapter } from './adapter.ts'
import { google } from './google.ts'
import { groq } from './groq.ts'
import { ollama } from './ollama.ts'
import { openai } from './openai.ts'

/** A simulated LLM answers as OpenAI does. */
const ADAPTERS = { openai, groq, google, ollama, simulated: openai } satisfies Record<ApiType, Adapter>

/** The adapter for the API that an LLM speaks. */
export function adapterOf(apiType: ApiType): Adapter {
  return ADAPTERS[apiType]
}
