import { expect, test } from 'vitest'
import { createFold, foldInto } from '../../src/core/fold.ts'
import type { Event } from '../../src/core/events.ts'
import { pictureOf } from '../../src/replay/picture.ts'
import { event } from '../support/events.ts'
import { arrival, limit, llm } from '../support/llms.ts'
import { logOf } from '../support/log-of.ts'
import { START } from '../support/virtual-clock.ts'

test('an LLM waits for the limit that binds now, not for the one that did when it was exhausted', () => {
  const limits = [limit('concurrency', 1, 0, 'few'), limit('requests', 1, 60_000, 'many')]
  const spec = llm('A', { limits })
  const of = { request: 'r_1', llm: 'A' }
  const reserved = { input_tokens: 1, output_tokens: 1 }
  const events: Event[] = [
    event(1, 'request.received', arrival(), { request: 'r_1' }),
    event(
      2,
      'request.dispatched',
      { attempt: 1, reserved, wait_ms: 0, waited_for: null, candidates: [] },
      of,
    ),
    event(3, 'llm.exhausted', { limit: 'few', until: null }, { llm: 'A' }),
    event(4, 'request.abandoned', { while: 'running' }, { request: 'r_1' }),
  ]
  const fold = createFold([spec])
  for (const one of events) foldInto(fold, one)
  const picture = pictureOf(logOf(events), {
    seq: 4,
    at: START + 4,
    fold,
    configHash: '',
    config: {} as never,
  })
  expect(picture.llms).toEqual([
    { llm: 'A', status: 'exhausted', because: 'many is used up', until: expect.any(Number) },
  ])
})
