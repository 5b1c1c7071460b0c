import type { Recovered } from '../core/recover.ts'
import type { Balancer } from './balancer.ts'

/** The first decisions of a process: what it found unfinished, and what state each LLM starts in. */
export function announce(balancer: Pick<Balancer, 'decide'>, { llms, unfinished }: Recovered): void {
  for (const { request, attempts, waitMs } of unfinished) {
    const message = 'The load balancer was restarted while this request was under way.'
    const data = { attempts, status: 503, code: 'restarted', message, cost_nano_usd: 0, wait_ms: waitMs }
    balancer.decide('request.failed', data, request)
  }
  for (const { spec, status, because, cause, wakeAt } of llms) {
    if (status === 'disabled') balancer.decide('llm.disabled', { because: because ?? '' }, null, spec.name)
    else if (cause !== null) {
      const data = { because: cause, message: because ?? '', until: wakeAt }
      balancer.decide('llm.cooling', data, null, spec.name)
    } else balancer.decide('llm.available', { after: 'started', ms: 0 }, null, spec.name)
  }
}
