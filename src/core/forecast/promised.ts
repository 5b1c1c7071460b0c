import type { Cost } from '../limits/account.ts'
import { add } from '../queue/expected.ts'
import { NOBODY, shareOf, sumOf, type Totals } from './forecast.ts'
import type { Demand } from '../limits/look-ahead.ts'
import type { Pending } from '../queue/queue.ts'
import { PRIORITIES } from '../types.ts'

/** The places that are kept for refused requests until they come again, and how many come by experience. */
export interface Promised {
  readonly bands: readonly PromisedBand[]
  readonly habits: Map<string, Habit>
}

interface PromisedBand {
  count: number
  readonly clients: Map<string, { readonly weight: number; count: number }>
  /** What they take of each LLM. */
  readonly planned: Totals[]
}

/**
 * Of a client's places whose time is over, how many it came for; one more of each, so that a newcomer is taken to come.
 */
interface Habit {
  came: number
  over: number
}

/** Whose place it is and what it takes. */
export interface KeptPlace {
  readonly client: string
  readonly clientWeight: number
  readonly rank: number
  readonly llm: number
  readonly cost: Cost
}

/** Who comes after those with a promise, in which band. */
export interface Follower extends Pick<Pending, 'client' | 'clientWeight'> {
  readonly rank: number
  /** Of its own client's, so many do not count, and of all no more than so many do. */
  readonly spared: number
  readonly most: number
}

/** Habits change: from so many on, both counts are halved, so that the latest count most. */
const OVER_MOST = 64

export function createPromised(): Promised {
  return {
    bands: PRIORITIES.map(() => ({ count: 0, clients: new Map(), planned: [] })),
    habits: new Map(),
  }
}

/** Keeps a place. */
export function promise({ bands }: Promised, { client, clientWeight, rank, llm, cost }: KeptPlace): void {
  const band = bands[rank]!
  band.count++
  const own = band.clients.get(client) ?? { weight: clientWeight, count: 0 }
  own.count++
  band.clients.set(client, own)
  band.planned[llm] ??= { ...NOBODY }
  add(band.planned[llm], cost, 1)
}

/** Gives a place up, claimed or not. */
export function release({ bands, habits }: Promised, place: KeptPlace, isClaimed: boolean): void {
  const { client, rank, llm, cost } = place
  const band = bands[rank]!
  band.count--
  const own = band.clients.get(client)!
  if (--own.count === 0) band.clients.delete(client)
  add(band.planned[llm]!, cost, -1)
  const habit = habits.get(client) ?? { came: 1, over: 1 }
  if (isClaimed) habit.came++
  if (++habit.over >= OVER_MOST) {
    habit.came = Math.floor(habit.came / 2)
    habit.over = Math.floor(habit.over / 2)
  }
  habits.set(client, habit)
}

/** Places that are kept for a client in a band. */
export function countOf({ bands }: Promised, { client, rank }: Pick<KeptPlace, 'client' | 'rank'>): number {
  return bands[rank]!.clients.get(client)?.count ?? 0
}

/**
 * What those are expected to take of an LLM who were promised to go before a request: all of the higher bands, those of
 * its own client, and of every other client of its band as many as its share allows meanwhile; of each client as many
 * as come by its habit. O(clients with a promise), and O(bands) for each LLM.
 */
export function promisedBefore(
  promised: Promised,
  { client, clientWeight, rank, spared, most }: Follower,
): (llm: number) => Demand {
  const { bands } = promised
  let left = most
  const ahead = bands.slice(0, rank + 1).map(({ clients }, i) => {
    const own = i === rank ? comingOf(promised, client, (clients.get(client)?.count ?? 0) - spared) : 0
    let sum = own
    for (const [name, { count, weight }] of clients) {
      if (i === rank && name === client) continue
      const share = i < rank ? count : Math.floor(((own + 1) * weight) / clientWeight)
      sum += Math.min(comingOf(promised, name, count), share)
    }
    const counted = Math.min(sum, left)
    left -= counted
    return counted
  })
  return (llm) =>
    ahead.reduce((sum, part, i) => {
      const { count, planned } = bands[i]!
      return planned[llm] === undefined || count === 0 ? sum : sumOf(sum, shareOf(planned[llm], part, count))
    }, NOBODY)
}

/** How many of a client's places it is expected to come for; all while nothing is known of it. */
function comingOf({ habits }: Promised, client: string, count: number): number {
  const habit = habits.get(client)
  if (count <= 0 || habit === undefined) return Math.max(0, count)
  return Math.round((count * habit.came) / habit.over)
}
