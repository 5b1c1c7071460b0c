import * as v from 'valibot'
import { checkLlm } from './check-llm.ts'
import { checkShared, type PlacedLlm } from './check-shared.ts'
import { llmSchema } from './llm-schema.ts'
import type { Finding } from './problems.ts'
import { isMapping } from './shape.ts'
import { nearest } from './suggest.ts'

/** An LLM is looked at closely even where it has a key too many. */
const knownKeys = v.object(llmSchema.entries)

/**
 * What is wrong between the entries of a configuration. It takes the plain value, which need not be valid,
 * so that these findings stand beside those of the schema instead of after them.
 */
export function checkConfig(config: Record<string, unknown>): Finding[] {
  const llms = list(config.llms)
  const clients = list(config.clients)
  const valid = llms.flatMap(validLlm)
  return [
    ...checkWeights(config.general, ['general'], 'optimization_weights'),
    ...duplicates(clients, 'clients', 'name'),
    ...duplicates(clients, 'clients', 'api_key_name'),
    ...clients.flatMap(checkClient),
    ...checkModels(config.models, llms.flatMap(nameOf)),
    ...duplicates(llms, 'llms', 'name'),
    ...valid.flatMap(({ llm, index }) =>
      checkLlm(llm).map((found) => ({ ...found, path: ['llms', index, ...found.path] })),
    ),
    ...checkShared(valid),
  ]
}

/** An LLM of which every key that it knows is valid. */
function validLlm(llm: unknown, index: number): PlacedLlm[] {
  const parsed = v.safeParse(knownKeys, llm)
  return parsed.success ? [{ llm: parsed.output, index }] : []
}

function checkClient(client: unknown, index: number): Finding[] {
  if (!isMapping(client) || client.api_key_name !== '') return []
  return [{ path: ['clients', index, 'api_key_name'], message: 'is empty; a client without a key is none' }]
}

/** What a rule may say; it has to say something. */
const RULE_KEYS = ['llms', 'weights', 'min_quality', 'max_cost']

function checkModels(models: unknown, llmNames: readonly string[]): Finding[] {
  if (!isMapping(models)) return []
  return Object.entries(models).flatMap(([pattern, rule]): Finding[] => {
    const path = ['models', pattern]
    if (pattern.trim() === '') return [{ path, message: 'a pattern cannot be empty', at: 'key' }]
    if (Array.isArray(rule)) return unknownLlms(rule, path, llmNames)
    if (!isMapping(rule)) return []
    if (!RULE_KEYS.some((key) => key in rule))
      return [{ path, message: `give one of ${RULE_KEYS.join(', ')}` }]
    return [...unknownLlms(rule.llms, [...path, 'llms'], llmNames), ...checkWeights(rule, path, 'weights')]
  })
}

function unknownLlms(wanted: unknown, path: readonly string[], known: readonly string[]): Finding[] {
  // Hint: a union takes a list that is only too short for the right kind, and tells nobody.
  if (Array.isArray(wanted) && wanted.length === 0)
    return [{ path, message: 'names no LLM; leave it out to mean all of them' }]
  return list(wanted).flatMap((name, index): Finding[] => {
    if (typeof name !== 'string' || name === '' || known.includes(name)) return []
    const near = nearest(name, known)
    const hint = near === null ? '' : `; did you mean "${near}"?`
    return [
      { path: [...path, index], message: `no LLM has the name ${JSON.stringify(name.slice(0, 60))}${hint}` },
    ]
  })
}

function checkWeights(holder: unknown, path: readonly string[], key: string): Finding[] {
  const weights = isMapping(holder) ? holder[key] : undefined
  if (!isMapping(weights)) return []
  const parts = [weights.cost, weights.quality, weights.speed]
  if (parts.some((part) => part !== undefined && part !== 0)) return []
  return [{ path: [...path, key], message: 'all weights are 0; at least one must count' }]
}

function duplicates(entries: readonly unknown[], section: string, key: string): Finding[] {
  const first = new Map<string, number>()
  return entries.flatMap((entry, index): Finding[] => {
    const value = isMapping(entry) ? entry[key] : undefined
    if (typeof value !== 'string' || value === '') return []
    const earlier = first.get(value)
    if (earlier === undefined) {
      first.set(value, index)
      return []
    }
    return [{ path: [section, index, key], message: `is the same as that of ${section}[${earlier}]` }]
  })
}

function nameOf(llm: unknown): string[] {
  return isMapping(llm) && typeof llm.name === 'string' ? [llm.name] : []
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
