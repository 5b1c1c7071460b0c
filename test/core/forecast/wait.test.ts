import { expect, test } from 'vitest'
import { reserveAll } from '../../../src/core/limits/account.ts'
import { waitOf } from '../../../src/core/forecast/wait.ts'
import { limit, llm, view } from '../../support/llms.ts'
import { pending, usedView } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const taken = usedView(llm('A', { limits: [limit('concurrency', 1)] }), (account) =>
  reserveAll(account, 'call', { inputTokens: 1, outputTokens: 1 }, START),
)
const keyless = view(llm('B'), { status: 'disabled', because: 'KEY is not set', reachable: false })
const down = view(llm('C'), { status: 'cooling', because: 'overloaded', wakeAt: START + 9000 })

test('a request waits for what gives room first, and for no LLM that is disabled', () => {
  const waits = waitOf({ views: [keyless, taken, down] }, pending({ eligible: [0, 1, 2] }), START)
  expect(waits.waitingFor).toBe('concurrency_limit of A or recovery (overloaded) of C')
})

test('a request that nothing keeps waits for its turn', () => {
  const waits = waitOf({ views: [view(llm('A'))] }, pending({ eligible: [0] }), START)
  expect(waits).toEqual({ waitingFor: 'its turn', etaMs: 0 })
})
