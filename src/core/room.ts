import type { Account, Cost } from './account.ts'
import { roomOf } from './ledger.ts'

/** What an account has left at one instant, over all its limits; Infinity where none counts, below 0 where overrun. */
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

const MINUTE_MS = 60_000

export const NO_ROOM: Room = {
  requests: 0,
  calls: 0,
  inputTokens: 0,
  outputTokens: 0,
  tokens: 0,
  perMs: MINUTE_MS,
}

/** The room of an account. O(log entries) for each limit. */
export function roomIn({ ledgers }: Account, now: number): Room {
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
    const left = roomOf(ledger, now)
    switch (ledger.limit.unit) {
      case 'requests':
        if (left >= room.requests) break
        room.requests = left
        room.perMs = ledger.limit.perMs
        break
      case 'concurrency':
        room.calls = Math.min(room.calls, left)
        break
      case 'tokens':
        room.tokens = Math.min(room.tokens, left)
        break
      case 'input_tokens':
        room.inputTokens = Math.min(room.inputTokens, left)
        break
      case 'output_tokens':
        room.outputTokens = Math.min(room.outputTokens, left)
        break
    }
  }
  return room
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
