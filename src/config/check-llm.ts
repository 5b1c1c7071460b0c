import type { ApiType, Limit } from '../core/types.ts'
import { checkLimit } from './check-limit.ts'
import { windowOf, writtenLimits } from './limits.ts'
import { PROVIDERS, type RawLlm } from './llm-schema.ts'
import type { Finding } from './problems.ts'
import { apiTypeOf } from './providers.ts'

/** Where no key is needed unless one is named. */
export const KEYLESS: readonly ApiType[] = ['ollama', 'simulated']

/** What is wrong with one LLM whose keys are each valid; paths begin within the LLM. */
export function checkLlm(llm: RawLlm): Finding[] {
  return [
    ...checkApiType(llm),
    ...checkKeys(llm),
    ...checkPrices(llm),
    ...checkSimulated(llm),
    ...llm.limits.flatMap((limit, index) => checkLimit(llm, limit, index)),
    ...checkWindows(llm),
  ]
}

function checkApiType(llm: RawLlm): Finding[] {
  if (llm.name.toLowerCase() === 'auto') {
    return [{ path: ['name'], message: '"auto" means any LLM and cannot be the name of one' }]
  }
  const apiType = apiTypeOf(llm)
  if (apiType === null) return [{ path: ['api_type'], message: 'is required' }]
  if (llm.provider === undefined || PROVIDERS[llm.provider] === apiType) return []
  return [
    {
      path: ['provider'],
      message: `"${llm.provider}" contradicts api_type "${apiType}"; give one of the two`,
    },
  ]
}

function checkKeys(llm: RawLlm): Finding[] {
  const { api_key_name: name, api_key_names: names } = llm
  if (name !== undefined && names !== undefined) {
    return [{ path: ['api_key_names'], message: 'give api_key_name or api_key_names, not both' }]
  }
  if (names === undefined) return name === undefined ? missingKey(llm) : []
  return names.flatMap((key, index): Finding[] => {
    const path = ['api_key_names', index]
    if (key === '') return [{ path, message: 'is empty; "" belongs to api_key_name only' }]
    return names.indexOf(key) < index ? [{ path, message: `"${key}" is listed twice` }] : []
  })
}

function missingKey(llm: RawLlm): Finding[] {
  const apiType = apiTypeOf(llm)
  if (apiType === null || KEYLESS.includes(apiType)) return []
  const help = 'the environment variable that holds the key, or "" when none is needed'
  return [{ path: ['api_key_name'], message: `is required for api_type "${apiType}": ${help}` }]
}

function checkPrices(llm: RawLlm): Finding[] {
  if (llm.price === undefined || llm.cost_input === undefined) return []
  return [{ path: ['price'], message: 'give price or cost_input, not both' }]
}

function checkSimulated(llm: RawLlm): Finding[] {
  if (apiTypeOf(llm) !== 'simulated') {
    return llm.simulated ? [{ path: ['simulated'], message: 'belongs to api_type "simulated" only' }] : []
  }
  const findings: Finding[] = []
  if (llm.base_url !== undefined) {
    findings.push({ path: ['base_url'], message: 'a simulated LLM calls nothing and takes no address' })
  }
  const faults = llm.simulated?.faults
  if (faults && faults.error_500 + faults.error_429 + faults.hang > 1) {
    findings.push({ path: ['simulated', 'faults'], message: 'the shares add up to more than 1' })
  }
  return findings
}

/** Each unit and period has one limit; a short key and a full one may agree. */
function checkWindows(llm: RawLlm): Finding[] {
  const seen = new Map<string, { limit: Limit; path: readonly (string | number)[] }>()
  const names = new Set<string>()
  return writtenLimits(llm).flatMap((written): Finding[] => {
    const earlier = seen.get(windowOf(written.limit))
    seen.set(windowOf(written.limit), written)
    const refined = earlier?.path.length === 1 && earlier.limit.amount === written.limit.amount
    if (earlier && !refined) {
      return [{ path: written.path, message: `the same unit and period as ${placeText(earlier.path)}` }]
    }
    if (names.has(written.limit.name) && !earlier) {
      return [{ path: written.path, message: `the name "${written.limit.name}" is used twice` }]
    }
    names.add(written.limit.name)
    return []
  })
}

function placeText(path: readonly (string | number)[]): string {
  return path.length === 1 ? String(path[0]) : `${path[0]}[${path[1]}]`
}
