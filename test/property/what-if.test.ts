import { expect, test } from 'vitest'
import type { Event, EventOf } from '../../src/core/events.ts'
import { createRequestBook } from '../../src/sim/request-book.ts'
import { whatIf } from '../../src/replay/what-if/what-if.ts'
import type { Written } from '../../src/replay/what-if/translate.ts'
import { drawnLog } from '../replay/worlds.ts'
import { logOf } from '../support/log-of.ts'

const worlds = Number(process.env.LLB_TEST_RUNS ?? 100)

function configOf(log: readonly Event[]): Written {
  return (log[0] as EventOf<'process.started'>).data.config as Written
}

test('under the same configuration every event is the recorded one, whatever goes wrong in the world', () => {
  for (let seed = 1; seed <= worlds; seed++) {
    const recorded = drawnLog(seed)
    const events: Event[] = []
    const result = whatIf({
      log: logOf(recorded),
      config: configOf(recorded),
      event: (event) => void events.push(event),
    })
    expect(JSON.parse(JSON.stringify(events)), `seed ${seed}`).toEqual(recorded)
    expect(result.parted_after, `seed ${seed}`).toBeNull()
    expect(result.changes).toEqual([])
    expect(result.other).toEqual(result.recorded)
  }
})

/** Other configurations: nearly the same, tighter, wider, with another key, without an LLM. */
const OTHERS: readonly ((config: Written) => Written)[] = [
  (config) => ({ ...config, general: { weights: { cost: 0, quality: 1, speed: 0 } } }),
  (config) => withLimits(config, (amount) => Math.max(1, Math.floor(amount / 2))),
  (config) => withLimits(config, (amount) => 3 * amount),
  (config) => {
    const more = { ...config.llms[0]!, name: `${config.llms[0]!.name}#2`, keyName: 'ANOTHER_KEY' }
    return { ...config, llms: [...config.llms, more] }
  },
  (config) => ({ ...config, llms: config.llms.slice(-1) }),
]

function withLimits(config: Written, change: (amount: number) => number): Written {
  const llms = config.llms.map((llm) => ({
    ...llm,
    limits: llm.limits.map((limit) => ({
      ...limit,
      amount: change(limit.amount),
      burst: limit.burst && change(limit.burst),
    })),
  }))
  return { ...config, llms }
}

test('under any other configuration every request goes step by step to one end', () => {
  for (let seed = 1; seed <= worlds; seed++) {
    const recorded = drawnLog(seed)
    const config = OTHERS[seed % OTHERS.length]!(configOf(recorded))
    const book = createRequestBook(Number.POSITIVE_INFINITY)
    let [seq, at] = [0, 0]
    const result = whatIf({
      log: logOf(recorded),
      config,
      event(event) {
        expect(book.take(event), `seed ${seed}, event ${event.seq}`).toBeNull()
        expect(event.seq).toBe(++seq)
        expect(event.at).toBeGreaterThanOrEqual(at)
        at = event.at
      },
    })
    const { requests, completed, expired, rejected, failed, abandoned } = result.other
    expect(requests, `seed ${seed}`).toBe(result.recorded.requests)
    expect(completed + expired + rejected + failed + abandoned, `seed ${seed}`).toBe(requests)
    expect(book.live).toBe(0)
  }
})
