import { type Offer, offersOf } from '../matching/choose.ts'
import type { Ports } from '../dispatch-state.ts'
import { NOBODY, type Outlook, outlooksOf, soonestOf } from './forecast.ts'
import type { Pending } from '../queue/queue.ts'
import { candidatesOf } from '../matching/round.ts'

/** What keeps a request waiting. */
export interface Wait {
  /** The limits of the LLMs it may go to, the one that gives room first in front. */
  readonly waitingFor: string
  /** When the first of them gives room, if nothing else happens; null when no timer can tell. */
  readonly etaMs: number | null
}

/** What a request waits for that no limit is known to keep, and one that is held back for what comes with it. */
export const ITS_TURN = 'its turn'
export const ITS_BURST = 'the rest of its burst'

/** More names than these tell a person nothing. */
const NAMED_MAX = 3

/** Why no LLM takes the request now, and for how long; what waits before it is left aside. */
export function waitOf(ports: Pick<Ports, 'views'>, pending: Pending, at: number): Wait {
  const offers: Offer[] = offersOf(ports.views, candidatesOf(pending, ports), pending)
  return waitFrom(
    ports,
    outlooksOf(ports.views, offers, pending, at, () => NOBODY),
    at,
  )
}

/** What outlooks say of a wait. */
export function waitFrom({ views }: Pick<Ports, 'views'>, outlooks: readonly Outlook[], at: number): Wait {
  // Nobody waits for a key that is missing.
  const blocked = outlooks.filter(
    ({ at: start, because, offer }) =>
      start > at && because !== null && views[offer.llm]!.status !== 'disabled',
  )
  blocked.sort((a, b) => (a.at === b.at ? 0 : a.at - b.at))
  const names = blocked
    .slice(0, NAMED_MAX)
    .map(({ because, offer }) => `${because} of ${views[offer.llm]!.spec.name}`)
  const soonest = soonestOf(outlooks)
  return {
    waitingFor: names.length === 0 ? ITS_TURN : names.join(' or '),
    etaMs: soonest === null ? null : Math.max(0, soonest.at - at),
  }
}
