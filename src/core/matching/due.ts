import { ALIKE, type LlmView, priceOf } from './choose.ts'
import type { Group } from './groups.ts'
import { isPatient, timeFor } from './patient.ts'
import type { Due } from './plan.ts'
import type { Quota } from './quota.ts'
import type { Round } from './round.ts'
import type { Amounts } from './spread.ts'
import { optionOf, throughIn } from './through.ts'

/**
 * What waits, as work that has to be started in time. What a patient request loses on an LLM is the score that it lacks
 * there, by what is at stake. The others lose nothing anywhere: they only take their room.
 */
export function dueOf({ ports, at }: Round, groups: readonly Group[], quotas: readonly Quota[]): Due[] {
  const { views } = ports
  const known = new Map<string, Amounts>()
  const amountsIn = (ms: number, rank: number) => {
    const key = `${ms}|${rank}`
    let amounts = known.get(key)
    if (amounts === undefined) {
      amounts = views.map((view) => throughIn(view, rank, at, ms))
      known.set(key, amounts)
    }
    return amounts
  }
  const stakes = stakesOf(views, groups, quotas)
  return groups.map(({ stock, band }, i) => {
    const { offers, scores } = quotas[i]!
    const best = scores.reduce((a, b) => Math.max(a, b))
    const lossOf = (score: number) => (best - score > ALIKE ? stakes[i]! * (best - score) : 0)
    return {
      count: stock.count,
      options: offers.map((offer, o) => optionOf(views, offer, lossOf(scores[o]!))),
      amounts: amountsIn(shortened(timeFor(stock, at)), band),
    }
  })
}

/**
 * How much a loss of score counts for the requests of each group: as far as they weigh quality, the same for all; as
 * far as they weigh cost, by their dearest price over that of the others, so that the price of all together counts.
 */
function stakesOf(views: readonly LlmView[], groups: readonly Group[], quotas: readonly Quota[]): number[] {
  let total = 0
  let requests = 0
  const dearest = groups.map(({ stock, head }, i) => {
    if (!isPatient(head.weights)) return 0
    const prices = quotas[i]!.offers.map(({ llm, cost }) => priceOf(views[llm]!.spec, cost))
    const most = prices.reduce((a, b) => Math.max(a, b))
    total += most * stock.count
    requests += stock.count
    return most
  })
  const mean = Math.max(1, total / requests)
  return groups.map(({ head: { weights } }, i) => {
    if (!isPatient(weights)) return 0
    return ((weights.cost * dearest[i]!) / mean + weights.quality) / (weights.cost + weights.quality)
  })
}

const SHORTEST_MS = 1_000
const LONGEST_MS = 2 ** 31 - 1

/** A time by up to a sixteenth shorter, of which there are few: its first five binary digits. */
function shortened(ms: number): number {
  const whole = Math.floor(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)))
  const others = 27 - Math.clz32(whole)
  return (whole >> others) << others
}
