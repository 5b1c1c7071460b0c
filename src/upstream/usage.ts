import type { Usage } from '../core/events.ts'
import { asCount, asObject, isObject } from './json.ts'

/** Usage as OpenAI writes it; null for anything that counts no tokens. */
export function openaiUsage(value: unknown): Usage | null {
  if (!isObject(value) || !('prompt_tokens' in value || 'completion_tokens' in value)) return null
  return {
    input_tokens: asCount(value.prompt_tokens),
    output_tokens: asCount(value.completion_tokens),
    cached_tokens: asCount(asObject(value.prompt_tokens_details).cached_tokens),
  }
}
