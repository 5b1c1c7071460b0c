import { type Account, type Cost, mostAskedOf } from './account.ts'
import { roomForRank } from './held-back.ts'
import type { Ledger } from './ledger.ts'
import { capacityOf, type Unit } from '../types.ts'
import { MINUTE_MS } from '../time.ts'

/**
 * What an account has left for one rank at one instant, over all its limits; Infinity where none counts, below 0 where
 * overrun.
 */
export interface Room {
  requests: number
  /** Calls that may run beside those under way. */
  calls: number
  inputTokens: number
  outputTokens: number
  tokens: number
  /** The window of the limit on requests that has least left; a minute where there is none. */
  perMs: number
}

const FIELDS = {
  requests: 'requests',
  concurrency: 'calls',
  tokens: 'tokens',
  input_tokens: 'inputTokens',
  output_tokens: 'outputTokens',
} as const satisfies Record<Unit, keyof Room>

/** The room of an account for requests of this rank. O(log entries) for each limit. */
export function roomIn({ ledgers }: Account, now: number, rank = 0): Room {
  const most = Number.POSITIVE_INFINITY
  const room = {
    requests: most,
    calls: most,
    inputTokens: most,
    outputTokens: most,
    tokens: most,
    perMs: MINUTE_MS,
  }
  for (const ledger of ledgers) {
    const { unit, perMs } = ledger.limit
    const left = leftIn(ledger, now, rank)
    const field = FIELDS[unit]
    if (left >= room[field]) continue
    room[field] = left
    if (unit === 'requests') room.perMs = perMs
  }
  return room
}

/** What a call may ask of a limit: of one that is all free also more than it was learned to hold. */
function leftIn(ledger: Ledger, now: number, rank: number): number {
  const left = roomForRank(ledger, now, rank)
  return left < capacityOf(ledger.limit) ? left : mostAskedOf(ledger)
}

/** Whether a call of this cost fits: the same as `fits` of its account. */
export function fitsIn(room: Room, { inputTokens, outputTokens }: Cost): boolean {
  if (room.requests < 1 || room.calls < 1) return false
  return (
    isWithin(inputTokens, room.inputTokens) &&
    isWithin(outputTokens, room.outputTokens) &&
    isWithin(inputTokens + outputTokens, room.tokens)
  )
}

/** What asks for nothing fits also where more was used than there is. */
function isWithin(amount: number, room: number): boolean {
  return amount === 0 || amount <= room
}
