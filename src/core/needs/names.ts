import type { Bounds } from './bounds.ts'
import type { LlmSpec, ModelRule, Weights } from '../types.ts'

/** The LLMs that a `model` asks for, as indexes into the list of LLMs, and the weights and bounds its rule sets. */
export interface Named {
  readonly llms: readonly number[]
  readonly weights: Weights | null
  readonly bounds?: Bounds
}

export const AUTO = 'auto'

/**
 * What a request's `model` means: `auto`, a name under `models:`, an LLM's name, a provider's model id, or a
 * pattern under `models:`, in this order. Null when nothing has that name.
 */
export function resolveModel(
  asked: string,
  specs: readonly LlmSpec[],
  rules: readonly ModelRule[],
): Named | null {
  const exact = rules.find((rule) => rule.pattern === asked)
  if (exact !== undefined) return ruled(exact, specs)
  if (asked === AUTO) return { llms: specs.map((_, i) => i), weights: null }
  const named = indexesOf(specs, (spec) => spec.group === asked || spec.name === asked)
  if (named.length > 0) return { llms: named, weights: null }
  const served = indexesOf(specs, (spec) => spec.model === asked)
  if (served.length > 0) return { llms: served, weights: null }
  const pattern = rules.find((rule) => rule.pattern.includes('*') && matches(rule.pattern, asked))
  return pattern === undefined ? null : ruled(pattern, specs)
}

/** All names that `model` may have, for people: `auto`, LLMs, and the names and patterns under `models:`. */
export function knownNames(specs: readonly LlmSpec[], rules: readonly ModelRule[]): string[] {
  return [...new Set([AUTO, ...specs.map((spec) => spec.group), ...rules.map((rule) => rule.pattern)])]
}

function ruled(rule: ModelRule, specs: readonly LlmSpec[]): Named {
  const llms = rule.llms
  return {
    llms: indexesOf(specs, (spec) => llms === null || llms.includes(spec.group)),
    weights: rule.weights,
    ...(rule.bounds && { bounds: rule.bounds }),
  }
}

function indexesOf(specs: readonly LlmSpec[], test: (spec: LlmSpec) => boolean): number[] {
  return specs.flatMap((spec, i) => (test(spec) ? [i] : []))
}

/** Whether `text` matches a pattern in which `*` stands for any characters. O(pattern x text) at worst. */
function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (!text.startsWith(first)) return false
  const last = rest.pop() ?? ''
  let at = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
