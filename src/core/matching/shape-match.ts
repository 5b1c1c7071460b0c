import { type Account, amountOf, type Cost } from '../limits/account.ts'
import { roomOf } from '../limits/ledger.ts'
import { capacityOf, type Limit } from '../types.ts'

/**
 * How well a cost suits what an account has left, from 0 to 1: the cosine between the cost and the room, both as
 * shares of the limits. An LLM with many requests and few tokens left suits short requests, and the other way
 * round, so that neither runs out long before the other (Tetris, SIGCOMM 2014). 1 where nothing is counted.
 *
 * Of limits on the same unit only the one with the shortest window is looked at: a longer one has its own pace.
 */
export function matchOf(account: Account, cost: Cost, now: number): number {
  let product = 0
  let costSquare = 0
  let roomSquare = 0
  for (const ledger of account.ledgers) {
    const { limit } = ledger
    if (limit.unit === 'concurrency' || !isShortest(account, ledger.limit)) continue
    const capacity = capacityOf(limit)
    const share = amountOf(limit.unit, cost) / capacity
    const room = Math.max(0, roomOf(ledger, now)) / capacity
    product += share * room
    costSquare += share * share
    roomSquare += room * room
  }
  if (costSquare === 0 || roomSquare === 0) return 1
  return product / Math.sqrt(costSquare * roomSquare)
}

function isShortest(account: Account, limit: Limit): boolean {
  return account.ledgers.every(({ limit: other }) => other.unit !== limit.unit || other.perMs >= limit.perMs)
}
