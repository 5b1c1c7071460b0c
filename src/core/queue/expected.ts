import type { Cost } from '../limits/account.ts'
import type { Band, Kind } from './flows.ts'
import type { Totals } from '../forecast/forecast.ts'

/** Notes that one more of a kind is expected to go to an LLM; the first tells what each of them takes there. */
export function expect({ planned }: Band, { expected, costs }: Kind, llm: number, cost: Cost | null): void {
  costs[llm] ??= cost ?? { inputTokens: 0, outputTokens: 0 }
  expected[llm] = (expected[llm] ?? 0) + 1
  planned[llm] ??= { requests: 0, inputTokens: 0, outputTokens: 0 }
  add(planned[llm], costs[llm], 1)
}

/**
 * Notes that one of a kind has left. Those of a kind are alike: where it went to an LLM that others of its kind were
 * expected to go to, one of them will go where it was expected.
 */
export function forget(
  { planned }: Band,
  { expected, costs }: Kind,
  llm: number | null,
  own: number | null,
): void {
  let from = own
  if (llm !== null && (expected[llm] ?? 0) > 0) from = llm
  if (from === null || (expected[from] ?? 0) === 0) from = expected.findIndex((count) => count > 0)
  if (from < 0) return
  expected[from] = expected[from]! - 1
  add(planned[from]!, costs[from]!, -1)
}

/** Adds a cost to a demand, or takes it away. */
export function add(demand: Totals, { inputTokens, outputTokens }: Cost, sign: 1 | -1): void {
  demand.requests += sign
  demand.inputTokens += sign * inputTokens
  demand.outputTokens += sign * outputTokens
}
