import type { LlmSpec } from '../core/types.ts'
import type { Config } from './config.ts'
import { DEFAULT_CONTEXT_LENGTH } from './expand.ts'
import { apiTypeOf } from './providers.ts'
import type { RawConfig } from './schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Whether an address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(?:\.\d{1,3}){3}$/.test(address)
}

/** Why an LLM cannot be used with this environment, or null when it can: `GROQ_API_KEY is not set`. */
export function disabledBecause(llm: LlmSpec, env: Environment): string | null {
  return llm.keyName === null || env[llm.keyName] ? null : `${llm.keyName} is not set`
}

/** What a reader of the file should know that its full form no longer shows. */
export function fileWarnings({ llms }: RawConfig): string[] {
  const scaled = llms.some(({ quality }) => quality > 1)
  return llms.flatMap((llm, index) => {
    const warnings: string[] = []
    if (llm.context_length === undefined && apiTypeOf(llm) !== 'simulated') {
      warnings.push(
        `llms[${index}] ${llm.name}: context_length is not given; ${DEFAULT_CONTEXT_LENGTH} is assumed`,
      )
    }
    if (scaled && llm.quality === 1) {
      warnings.push(
        `llms[${index}] ${llm.name}: quality 1 is the best there is; on a scale of 1 to 10 write 0.1`,
      )
    }
    return warnings
  })
}

/** What an operator should know before this configuration serves in this environment. */
export function startWarnings(config: Config, env: Environment): string[] {
  return [
    ...exposure(config),
    ...adminKey(config, env),
    ...config.clients
      .filter(({ keyName }) => !env[keyName])
      .map(({ name, keyName }) => `client ${name} cannot be let in: ${keyName} is not set`),
    ...availability(config, env),
    ...unservedModels(config, env),
    ...ahead(config),
  ]
}

/** Settings that are checked and kept, but that this version does not act on yet. */
function ahead({ eventLog }: Config): string[] {
  return eventLog.bodies ? ['event_log.bodies has no effect in this version: no bodies are kept'] : []
}

function exposure({ general, clients }: Config): string[] {
  if (isLoopback(general.listenAddress) || clients.length > 0) return []
  const { listenAddress } = general
  return [`listening on ${listenAddress} without clients: everybody who reaches it can spend your quotas`]
}

function adminKey({ general: { adminKeyName: name } }: Config, env: Environment): string[] {
  return name === null || env[name] ? [] : [`/admin answers on loopback only: ${name} is not set`]
}

function availability({ llms }: Config, env: Environment): string[] {
  const disabled = llms.flatMap((llm) => {
    const because = disabledBecause(llm, env)
    return because === null ? [] : [`LLM ${llm.name} is disabled: ${because}`]
  })
  const usable = llms.filter((llm) => disabledBecause(llm, env) === null)
  if (usable.length === 0) return [...disabled, 'no LLM is available: every request will be refused']
  if (usable.some(({ apiType }) => apiType !== 'simulated')) return disabled
  return [...disabled, 'only simulated LLMs are available: no answer comes from a real model']
}

function unservedModels({ models, llms }: Config, env: Environment): string[] {
  const usable = new Set(llms.filter((llm) => disabledBecause(llm, env) === null).map(({ group }) => group))
  return models
    .filter((rule) => rule.llms !== null && !rule.llms.some((name) => usable.has(name)))
    .map(({ pattern }) => `models: none of the LLMs of "${pattern}" is available`)
}
