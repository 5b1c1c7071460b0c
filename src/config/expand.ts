import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { nanoUsdOf, thousandthsOf } from '../core/needs/scales.ts'
import type { ApiType, ClientSpec, LlmSpec, ModelRule, SimulatedSpec, Weights } from '../core/types.ts'
import type { Config } from './config.ts'
import { withHolds } from './holds.ts'
import { expandLimits } from './limits.ts'
import { type RawLlm, simulatedSchema } from './llm-schema.ts'
import { apiTypeOf, BASE_URLS } from './providers.ts'
import type { RawConfig, RawWeights } from './schema.ts'
import { SECOND_MS } from './units.ts'

const DEFAULT_WEIGHTS: Weights = { cost: 0.5, quality: 0.5, speed: 0 }
export const DEFAULT_CONTEXT_LENGTH = 8_192

/** A local model may have to be read from disk before it answers. */
const FIRST_BYTE_TIMEOUT_MS: Readonly<Record<ApiType, number>> = {
  openai: 120 * SECOND_MS,
  groq: 120 * SECOND_MS,
  google: 120 * SECOND_MS,
  ollama: 300 * SECOND_MS,
  simulated: 120 * SECOND_MS,
}

/** Pico-USD per token of one USD per million tokens. */
const PICO_USD = 1_000_000

/** Brings a configuration without findings to its full form. */
export function expandConfig(raw: RawConfig, file: string): Config {
  const { general, queue, event_log: eventLog } = raw
  return {
    general: {
      listenAddress: general.listen_address ?? '127.0.0.1',
      listenAddressGiven: general.listen_address !== undefined,
      listenPort: general.listen_port,
      logLevel: general.log_level,
      weights: general.optimization_weights ? expandWeights(general.optimization_weights) : DEFAULT_WEIGHTS,
      maxBodyBytes: general.max_body,
      adminKeyName: general.admin_key_name || null,
      drainMs: general.drain,
    },
    queue: {
      maxRequests: queue.max_requests,
      maxBytes: queue.max_bytes,
      maxRequestsPerClient: queue.max_requests_per_client ?? queue.max_requests,
      maxBytesPerClient: queue.max_bytes_per_client ?? queue.max_bytes,
      maxWaitMs: queue.max_wait,
      heartbeatMs: queue.heartbeat,
      maxAttempts: queue.max_attempts,
      earlyRefusal: queue.early_refusal,
    },
    eventLog: {
      path: resolve(dirname(file), eventLog.path),
      retentionMs: eventLog.retention,
      maxBytes: eventLog.max_size,
      bodies: eventLog.bodies,
    },
    clients: raw.clients.map(expandClient),
    models: Object.entries(raw.models).map(([pattern, rule]) => expandRule(pattern, rule)),
    llms: raw.llms.filter(({ enabled }) => enabled).flatMap((llm) => expandLlm(llm, raw)),
    switchedOff: raw.llms.filter(({ enabled }) => !enabled).map(({ name }) => name),
  }
}

function expandClient(client: RawConfig['clients'][number]): ClientSpec {
  return {
    name: client.name,
    keyName: client.api_key_name,
    weight: client.weight,
    priority: client.priority,
  }
}

function expandRule(pattern: string, rule: RawConfig['models'][string]): ModelRule {
  if (Array.isArray(rule)) return { pattern, llms: rule, weights: null }
  const { llms = null, min_quality: quality, max_cost: cost } = rule
  const weights = rule.weights ? expandWeights(rule.weights) : null
  if (quality === undefined && cost === undefined) return { pattern, llms, weights }
  const bounds = {
    minQuality: quality === undefined ? null : thousandthsOf(quality),
    maxCostNanoUsd: cost === undefined ? null : nanoUsdOf(cost),
  }
  return { pattern, llms, weights, bounds }
}

/** Weights that are written leave those that are not at 0. */
function expandWeights(weights: RawWeights): Weights {
  return { cost: weights.cost ?? 0, quality: weights.quality ?? 0, speed: weights.speed ?? 0 }
}

/** One LLM for each of its keys, `name#1` being the first of several. */
function expandLlm(llm: RawLlm, raw: RawConfig): LlmSpec[] {
  const spec = expandSpec(llm, raw)
  const keyNames = llm.api_key_names ?? [llm.api_key_name || null]
  if (keyNames.length === 1) return [{ ...spec, keyName: keyNames[0]! }]
  return keyNames.map((keyName, index) => ({ ...spec, name: `${llm.name}#${index + 1}`, keyName }))
}

function expandSpec(llm: RawLlm, { general, queue }: RawConfig): LlmSpec {
  const apiType = apiTypeOf(llm)!
  return {
    name: llm.name,
    group: llm.name,
    apiType,
    model: llm.model,
    baseUrl: llm.base_url?.replace(/\/+$/, '') ?? BASE_URLS[apiType],
    keyName: null,
    contextLength: llm.context_length ?? DEFAULT_CONTEXT_LENGTH,
    modes: [...new Set(llm.modes)],
    limits: expandLimits(llm, general.jitter_guard).map((limit) => withHolds(limit, queue)),
    strict: llm.strict,
    ...expandPrices(llm),
    quality: thousandthsOf(llm.quality),
    firstByteTimeoutMs: llm.first_byte_timeout ?? FIRST_BYTE_TIMEOUT_MS[apiType],
    idleTimeoutMs: llm.idle_timeout,
    simulated:
      apiType === 'simulated' ? expandSimulated(llm.simulated ?? v.parse(simulatedSchema, {})) : null,
  }
}

/** `price` is per thousand tokens and, unless `cost_output` is given, the same for input and output. */
function expandPrices(llm: RawLlm): { inputPicoUsd: number; outputPicoUsd: number } {
  const input = llm.price === undefined ? (llm.cost_input ?? 0) : llm.price * 1_000
  const output = llm.cost_output ?? (llm.price === undefined ? 0 : input)
  return { inputPicoUsd: Math.round(input * PICO_USD), outputPicoUsd: Math.round(output * PICO_USD) }
}

function expandSimulated(raw: NonNullable<RawLlm['simulated']>): SimulatedSpec {
  return {
    tokensPerSecond: raw.tokens_per_second,
    latencyMs: raw.latency,
    outputTokens: raw.output_tokens,
    seed: raw.seed,
    faults: { error500: raw.faults.error_500, error429: raw.faults.error_429, hang: raw.faults.hang },
  }
}
