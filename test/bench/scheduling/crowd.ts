import type { InputData } from '../../../src/core/events.ts'
import { createRandom, type Random } from '../../../src/core/random.ts'
import { type LlmSpec, PRIORITIES } from '../../../src/core/types.ts'
import { arrival, limit, llm } from '../../support/llms.ts'
import { MIXES } from './workloads.ts'

/** Fifty LLMs and an endless stream of requests of a hundred clients, as varied as real ones. */

const LLMS = 50
const CLIENTS = 100
const DAY_MS = 86_400_000
const CONTEXTS = [16_000, 64_000, 128_000, 1_000_000]

/** Limits per minute and day on all, concurrency on every third; every second one sees pictures. */
export function crowdLlms(): LlmSpec[] {
  return Array.from({ length: LLMS }, (_, i) => {
    const perMinute = 60 + 20 * (i % 7)
    const limits = [
      limit('requests', perMinute, 60_000, 'requests_per_min'),
      limit('tokens', 60_000 * (1 + (i % 5)), 60_000, 'tokens_per_min'),
      limit('requests', perMinute * 1_000, DAY_MS, 'requests_per_day'),
      ...(i % 3 === 0 ? [limit('concurrency', 16 + i)] : []),
    ]
    return llm(`llm-${i}`, {
      limits,
      contextLength: CONTEXTS[i % CONTEXTS.length]!,
      modes: i % 2 === 0 ? ['text', 'vision'] : ['text'],
      inputPicoUsd: 100_000 * (i % 6),
      outputPicoUsd: 400_000 * (i % 6),
      quality: 300 + 13 * i,
    })
  })
}

/** The next request: heavy-tailed size, any client, any priority, one in ten with a picture; it waits for weeks. */
export function crowdRequest(random: Random): InputData['request.received'] {
  const tokens = MIXES.heavy!(random)
  const outputTokens = Math.min(2_000, Math.max(1, Math.floor((tokens * (10 + random.integer(31))) / 100)))
  return arrival({
    client: `client-${random.integer(CLIENTS)}`,
    priority: PRIORITIES[random.integer(PRIORITIES.length)]!,
    modes: random.integer(10) === 0 ? ['text', 'vision'] : ['text'],
    input_tokens: tokens - outputTokens,
    output_tokens: outputTokens,
    max_wait_ms: 30 * DAY_MS,
  })
}

/** How long a call takes: half a second, and 10 to 30 ms for each token of the answer. */
export function crowdServiceMs(random: Random, outputTokens: number): number {
  return 500 + outputTokens * (10 + random.integer(21))
}

export const crowdRandom = (label: string) => createRandom(1, label)
