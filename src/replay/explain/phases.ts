import type { Event } from '../../core/events.ts'
import type { CandidateAt, DecisionAt, Phase } from './explanation.ts'

/**
 * The time of a request from its arrival on: what it waited for, and its calls. A wait whose end the ledgers told on
 * arrival is parted there: from then on it waited for its turn.
 */
export function phasesOf(own: readonly Event[], [arrival]: readonly DecisionAt[], now: number): Phase[] {
  const phases: Phase[] = []
  const starts = own.filter((event) => event.type === 'request.dispatched')
  let from = own[0]!.at
  for (const [i, start] of starts.entries()) {
    const taker = i === 0 ? arrival?.candidates.find(({ llm }) => llm === start.llm) : undefined
    phases.push(...waitOf(from, start.at, start.data.waited_for ?? 'its turn', taker))
    const end = own.find(({ type, seq }) => seq > start.seq && isEnd(type))
    const to = end?.at ?? null
    phases.push({ from: start.at, to, ms: (to ?? now) - start.at, what: 'call', for: start.llm! })
    if (to === null) return phases
    from = to
  }
  const last = own.at(-1)!
  const waitedFor = waitedForAt(own)
  if (!isOver(last)) phases.push({ from, to: null, ms: now - from, what: 'limit', for: waitedFor })
  else phases.push(...waitOf(from, last.at, waitedFor, undefined))
  return phases
}

function isOver({ type }: Event): boolean {
  return type !== 'request.queued' && type !== 'request.retried' && type !== 'request.received'
}

/** What one that did not start again waited for last, as far as the log says. */
function waitedForAt(own: readonly Event[]): string {
  const last = own.at(-1)!
  if (last.type === 'request.expired') return last.data.waited_for
  if (last.type === 'request.retried') return `room, since attempt ${last.data.attempt} failed`
  const told = own.findLast(({ type }) => type === 'request.queued' || type === 'request.retried')
  return told?.type === 'request.queued' ? told.data.waiting_for : 'its turn'
}

function isEnd(type: Event['type']): boolean {
  return (
    type === 'attempt.finished' ||
    type === 'attempt.failed' ||
    type === 'request.abandoned' ||
    type === 'request.failed'
  )
}

/** A shorter turn is how late a timer was, or how long a burst was gathered. */
const TURN_MS_LEAST = 100

function waitOf(from: number, to: number, waitedFor: string, taker: CandidateAt | undefined): Phase[] {
  if (to <= from) return []
  const roomAt = roomAtOf(taker)
  const limit = { from, to, ms: to - from, what: 'limit' as const, for: waitedFor }
  if (taker === undefined || roomAt === null || to - roomAt < TURN_MS_LEAST) return [limit]
  const turn = { from: Math.max(from, roomAt), to, what: 'turn' as const }
  const others = { ...turn, ms: to - turn.from, for: 'its turn: the room went to others first' }
  if (roomAt <= from) return [others]
  const because = `${taker.waits_for} of ${taker.llm}`
  return [{ ...limit, to: roomAt, ms: roomAt - from, for: because }, others]
}

/** When the ledgers of an LLM had room by what was known on arrival; null where that is a guess. */
function roomAtOf(taker: CandidateAt | undefined): number | null {
  if (taker === undefined || taker.starts_at === null || taker.until !== null) return null
  const blocked = taker.limits.filter(({ fits }) => !fits)
  if (blocked.some(({ fits_at: at }) => at === null)) return null
  return taker.starts_at
}
