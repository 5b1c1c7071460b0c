import { blockOf, fits } from '../limits/account.ts'
import { type LlmView, type Offer, scoreOf, speedOf } from './choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import type { Candidate } from '../events.ts'
import { serve } from '../queue/flows.ts'
import { dequeue, type Pending, rankOf } from '../queue/queue.ts'

/** Reserves and starts an attempt of a request, which leaves the queue if it waits. */
export function start(
  state: Dispatcher,
  ports: Ports,
  pending: Pending,
  { llm, cost }: Offer,
  offers: readonly Offer[],
  at: number,
): void {
  const candidates: Candidate[] = []
  for (const offer of offers) candidates.push(candidateOf(ports.views[offer.llm]!, offer, pending, at))
  const { place } = pending
  if (place !== null) {
    dequeue(state.queue, pending, llm)
    serve(state.queue.bands[place.band]!, place.lane.flow, cost)
    state.queue.started++
  }
  const attempt = ++pending.attempts
  const key = `${pending.id}#${attempt}`
  const waitMs = at - pending.at
  ports.decide('request.dispatched', pending.id, ports.views[llm]!.spec.name, {
    attempt,
    reserved: { input_tokens: cost.inputTokens, output_tokens: cost.outputTokens },
    wait_ms: waitMs,
    waited_for: pending.waitingFor,
    candidates,
  })
  ports.tell(llm, { type: 'reserve', key, cost, at })
  state.running.set(pending.id, { pending, llm, key, cost, waitMs })
}

/** One LLM as it was looked at: the parts of its score, or the reason why not. */
function candidateOf(view: LlmView, offer: Offer, pending: Pending, at: number): Candidate {
  const llm = view.spec.name
  if (view.status !== 'available') {
    return { llm, excluded: view.because === null ? view.status : `${view.status}: ${view.because}` }
  }
  const rank = rankOf(pending)
  if (!fits(view.account, offer.cost, at, rank))
    return { llm, excluded: `${blockOf(view.account, offer.cost, at, rank)!.limit} has no room` }
  return {
    llm,
    score: round(scoreOf(offer, pending, at, at)),
    cost: round(offer.costPart),
    quality: offer.qualityPart,
    speed: round(speedOf(offer, 0)),
  }
}

function round(part: number): number {
  return Math.round(part * 1000) / 1000
}
