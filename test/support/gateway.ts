import { createBalancer } from '../../src/actors/balancer.ts'
import { createSystemClock } from '../../src/actors/clock.ts'
import { parseConfig } from '../../src/config/load.ts'
import { policyOf } from '../../src/config/policy.ts'
import { disabledBecause } from '../../src/config/warnings.ts'
import { CellMap } from '../../src/core/cell-map.ts'
import type { Event } from '../../src/core/events.ts'
import { createApp } from '../../src/http/app.ts'
import { createAdminAuth, createAuth } from '../../src/http/auth.ts'
import type { Gateway, Listener } from '../../src/http/gateway.ts'
import { createHeartbeats } from '../../src/http/heartbeats.ts'
import type { Peer } from '../../src/http/listen.ts'
import { Journal } from '../../src/log/writing/journal.ts'
import { explain } from '../../src/replay/explain/explain.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import { type MemoryLog, memoryLog } from './events.ts'
import { logOf } from './log-of.ts'
import { startOf } from './llms.ts'
import { startedWith } from './told.ts'

/** The HTTP interface over everything real but the disk and the sockets. */
export interface Served {
  readonly gateway: Gateway
  /** Everything that was recorded and committed. */
  readonly events: Event[]
  /** The log that events go to. */
  readonly log: MemoryLog
  /** What the operator was told. */
  readonly troubles: string[]
  get(path: string, headers?: Record<string, string>): Promise<Response>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  send(request: Request, peer?: Peer): Promise<Response>
  /** Has the log begin as that of a process does. */
  begin(): void
  close(): void
}

export const SIMULATED = `{ name: Sim, api_type: simulated, model: sim-1, context_length: 4000,
  simulated: { latency: 1ms, tokens_per_second: 100000, output_tokens: 12 } }`

/** Serves a configuration given as YAML; `llms` is one simulated LLM unless it is given, too. */
export async function serving(yaml = '', env: Record<string, string> = {}): Promise<Served> {
  const parsed = parseConfig(/^llms:/m.test(yaml) ? yaml : `llms: [${SIMULATED}]\n${yaml}`, 'config.yaml')
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'))
  const { config } = parsed
  const clock = createSystemClock()
  const listeners = new CellMap<string, Listener>()
  const events: Event[] = []
  const troubles: string[] = []
  const trouble = (message: string) => void troubles.push(message)
  const log = memoryLog()
  const journal = new Journal({
    writer: log,
    committed(event) {
      events.push(event)
      if (event.request !== null) listeners.get(event.request)?.hear(event)
    },
    trouble,
    renewed() {},
    resumed() {},
  })
  const balancer = createBalancer(
    {
      policy: policyOf(config),
      llms: config.llms.map((spec) => startOf(spec, clock.now(), disabledBecause(spec, env))),
      clock,
      lastSeq: 0,
      record: journal.append,
      fatal: trouble,
    },
    'test_',
  )
  const upstreams = await createUpstreams(config.llms, env)
  const heartbeats = createHeartbeats(balancer, config.queue.heartbeatMs, clock.now)
  const gateway: Gateway = {
    ...{ config, balancer, clock, startedAt: clock.now(), heartbeats, listeners, trouble },
    log: () => journal.health(),
    identify: createAuth(config.clients, env),
    operator: {
      refuse: createAdminAuth(config.general.adminKeyName, env),
      explain: async (id) => explain(logOf(events), id),
    },
    upstream: (llm) => upstreams.get(llm)!,
  }
  const app = createApp(gateway)
  const send = async (request: Request, peer?: Peer) => app.fetch(request, peer)
  return {
    ...{ gateway, events, troubles, send, log },
    get: (path, headers = {}) => send(new Request(`http://llb${path}`, { headers })),
    post(path, body, headers = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      return send(new Request(`http://llb${path}`, { method: 'POST', body: text, headers }))
    },
    begin: () => void balancer.ingest('process.started', startedWith(policyOf(config), clock.now())),
    close() {
      heartbeats.stop()
      balancer.stop()
    },
  }
}
