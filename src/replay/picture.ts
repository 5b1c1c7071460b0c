import type { Event } from '../core/events.ts'
import type { FoldedLlm, OpenRequest } from '../core/fold.ts'
import { blockOf, LEAST } from '../core/limits/account.ts'
import { declaredOf } from '../core/limits/learning/learned.ts'
import { type Ledger, nextAdmissible, underWay, used } from '../core/limits/ledger.ts'
import { capacityOf } from '../core/types.ts'
import type { LogReader } from '../log/store.ts'
import type { LogState } from './state-at.ts'

/** A state of the past as plain data, named as in the log. All instants are ms since 1970. */
export interface Picture {
  /** The event after which it was so. */
  readonly seq: number
  readonly at: number
  readonly config_hash: string
  readonly llms: readonly LlmPicture[]
  readonly limits: readonly LimitPicture[]
  /** What waited, in the order in which it came; not what had ended and was answered at the same instant. */
  readonly waiting: readonly WaitingPicture[]
  /** What ran, in the order in which it came. */
  readonly running: readonly RunningPicture[]
}

interface LlmPicture {
  readonly llm: string
  readonly status: string
  readonly because: string | null
  /** When it has cooled, or has room for the least request again; null where no time tells. */
  readonly until: number | null
}

interface LimitPicture {
  /** More than one where they share it. */
  readonly llms: readonly string[]
  readonly limit: string
  readonly per_ms: number
  readonly declared: number
  /** What may be used at once: less than is declared where less was learned. */
  readonly in_force: number
  /** What counts, with what calls under way have reserved. */
  readonly used: number
  readonly reserved: number
  /** When there is room for one more unit, and when all of it is back; null where the end of a call decides. */
  readonly room_at: number | null
  readonly unused_at: number | null
}

interface WaitingPicture {
  readonly request: string
  readonly client: string
  readonly since: number
  readonly attempts: number
  /** What was said when it came; null where it was not, or is not in the log any more. */
  readonly model: string | null
  readonly priority: string | null
  readonly position: number | null
  readonly waiting_for: string | null
}

interface RunningPicture {
  readonly request: string
  readonly client: string
  readonly llm: string
  readonly attempt: number
  readonly since: number
  readonly reserved: { readonly input_tokens: number; readonly output_tokens: number }
}

/** What a state looks like. `log` tells what was said of the first `most` that wait: O(commit) for each of them. */
export function pictureOf(
  log: LogReader,
  { seq, at, fold, configHash }: LogState,
  most = Number.POSITIVE_INFINITY,
): Picture {
  const open = [...fold.open]
  return {
    seq,
    at,
    config_hash: configHash,
    llms: Array.from(fold.llms.values(), (llm) => llmPicture(llm, at)),
    limits: limitsOf(fold.llms.values(), at),
    waiting: open
      .filter(([, { attempt, isEnding }]) => attempt === null && !isEnding)
      .map(([id, request], i) => waitingPicture(i < most ? log : null, id, request)),
    running: open.flatMap(([id, request]) => runningPicture(id, request)),
  }
}

function llmPicture({ spec, account, standing }: FoldedLlm, at: number): LlmPicture {
  const { status, because, until } = standing
  if (status !== 'exhausted') return { llm: spec.name, status, because, until }
  // Another limit may bind by now than when it was said.
  const block = blockOf(account, LEAST, at)
  if (block === null) return { llm: spec.name, status, because, until: at }
  return { llm: spec.name, status, because: `${block.limit} is used up`, until: finite(block.until) }
}

function limitsOf(llms: Iterable<FoldedLlm>, at: number): LimitPicture[] {
  const names = new Map<Ledger, string[]>()
  for (const { spec, account } of llms)
    for (const ledger of account.ledgers) names.set(ledger, [...(names.get(ledger) ?? []), spec.name])
  return Array.from(names, ([ledger, of]) => ({
    llms: of,
    limit: ledger.limit.name,
    per_ms: ledger.limit.perMs,
    declared: capacityOf(declaredOf(ledger)),
    in_force: capacityOf(ledger.limit),
    used: used(ledger, at),
    reserved: underWay(ledger),
    room_at: finite(nextAdmissible(ledger, 1, at)),
    unused_at: finite(nextAdmissible(ledger, capacityOf(ledger.limit), at)),
  }))
}

function waitingPicture(log: LogReader | null, request: string, open: OpenRequest): WaitingPicture {
  const said = log === null ? [] : saidOnArrival(log, request, open.seq)
  const received = said.find((event) => event.type === 'request.received')
  const queued = open.attempts === 0 ? said.find((event) => event.type === 'request.queued') : undefined
  return {
    request,
    client: open.client,
    since: open.at,
    attempts: open.attempts,
    model: received?.data.model ?? null,
    priority: received?.data.priority ?? null,
    position: queued?.data.position ?? null,
    waiting_for: queued?.data.waiting_for ?? null,
  }
}

/** What is recorded of a request at the instant at which it comes. */
function saidOnArrival(log: LogReader, request: string, seq: number): Event[] {
  const said: Event[] = []
  for (const event of log.readFrom(seq)) {
    if (said.length > 0 && event.at > said[0]!.at) break
    if (event.request === request) said.push(event)
    if (event.type === 'request.queued' && event.request === request) break
  }
  return said
}

function runningPicture(request: string, { client, at, attempts, attempt }: OpenRequest): RunningPicture[] {
  if (attempt === null) return []
  const { llm, cost, waitMs } = attempt
  const reserved = { input_tokens: cost.inputTokens, output_tokens: cost.outputTokens }
  return [{ request, client, llm, attempt: attempts, since: at + waitMs, reserved }]
}

function finite(at: number): number | null {
  return Number.isFinite(at) ? at : null
}
