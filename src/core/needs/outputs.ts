import { CHARGES } from '../limits/charge.ts'
import type { Needs } from './estimate.ts'
import { EMPTY, noted, quantile, type Sketch } from './sketch.ts'
import type { Skill } from './skill.ts'
import type { LlmSpec } from '../types.ts'

/** How long the answers of one LLM have been: all of them, and those to each client. */
export interface Outputs {
  readonly all: Sketch
  /** The clients that were answered last, the latest at the end. */
  readonly byClient: ReadonlyMap<string, Sketch>
}

export const NO_OUTPUTS: Outputs = { all: EMPTY, byClient: new Map() }

/** The clients who are remembered one by one. */
const CLIENTS_MAX = 32
/** Fewer answers than this tell nothing of the next one. */
const TELLING_ANSWERS = 16
/** The share of answers, in thousandths, that is no longer than what is set aside. */
const COVERED = 980

/** The outputs after one more answer, of `tokens`, all choices together. */
export function answered({ all, byClient }: Outputs, client: string | null, tokens: number): Outputs {
  if (client === null) return { all: noted(all, tokens), byClient }
  const clients = new Map(byClient)
  const own = clients.get(client) ?? EMPTY
  const next = noted(all, tokens)
  clients.delete(client)
  // As long as one client alone was answered, its answers are all of them.
  clients.set(client, own === all ? next : noted(own, tokens))
  if (clients.size > CLIENTS_MAX) clients.delete(clients.keys().next().value!)
  return { all: next, byClient: clients }
}

/** What nearly no answer to this client exceeds; null while too few were seen. */
export function likelyOutput({ all, byClient }: Outputs, client: string | null): number | null {
  const own = client === null ? undefined : byClient.get(client)
  const telling = own !== undefined && own.total >= TELLING_ANSWERS ? own : all
  return telling.total >= TELLING_ANSWERS ? quantile(telling, COVERED) : null
}

/** A request as far as its answer goes. */
export type Asked = Pick<Needs, 'outputTokens' | 'choices'> & { readonly client?: string }

/**
 * Output tokens to set aside for a request of so many input tokens. The client's bound where the provider reserves
 * it, or may, or too little is known; else what an answer will most probably take. A strict LLM is never trusted to
 * keep below a bound, and without one is taken to fill its context.
 */
export function outputOn(
  spec: Pick<LlmSpec, 'limits' | 'contextLength' | 'strict'>,
  skill: Pick<Skill, 'outputs' | 'expectedOutput'>,
  { outputTokens: bound, choices, client }: Asked,
  inputTokens: number,
): number {
  const most = Math.max(0, spec.contextLength - inputTokens)
  if (spec.strict) return bound ?? most
  if (bound !== null && reservesBound(spec)) return bound
  const likely = likelyOutput(skill.outputs, client ?? null)
  if (bound === null) return Math.min(likely ?? skill.expectedOutput * choices, most)
  return likely === null ? bound : Math.min(bound, likely)
}

/** Whether the client's bound on an answer is set aside, as the provider does, or may. */
export function reservesBound({ limits }: Pick<LlmSpec, 'limits'>): boolean {
  for (const { unit, charge } of limits)
    if ((unit === 'tokens' || unit === 'output_tokens') && CHARGES[charge].bound) return true
  return false
}
