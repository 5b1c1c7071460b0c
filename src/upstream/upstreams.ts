import type { LlmSpec } from '../core/types.ts'
import type { Adapter } from './adapter.ts'
import { adapterOf } from './adapters.ts'
import { createSimulated } from './simulated.ts'
import { createTransport, type Transport } from './transport.ts'

/** How to reach one LLM. */
export interface Upstream {
  readonly spec: LlmSpec
  readonly apiKey: string | null
  readonly adapter: Adapter
  readonly transport: Transport
}

/** The way to each LLM, by its name. All real ones share one transport, and with it its connections. */
export async function createUpstreams(
  specs: readonly LlmSpec[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<ReadonlyMap<string, Upstream>> {
  const network = await createTransport()
  return new Map(
    specs.map((spec) => {
      const apiKey = spec.keyName === null ? null : (env[spec.keyName] ?? null)
      const transport = spec.apiType === 'simulated' ? createSimulated(spec, globalThis) : network
      return [spec.name, { spec, apiKey, adapter: adapterOf(spec.apiType), transport }]
    }),
  )
}
