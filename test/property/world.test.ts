import { expect, test } from 'vitest'
import { type Event, FAILURE_CLASSES } from '../../src/core/events.ts'
import { describeFailure, runSeed } from '../../src/sim/campaign.ts'
import { drawSwarm, FEATURES } from '../../src/sim/swarm.ts'

/** `LLB_TEST_RUNS=20000` makes it a campaign. */
const seeds = Math.max(2000, Number(process.env.LLB_TEST_RUNS ?? 2000))

/** What two thousand worlds must have seen, or they prove less than they seem to. */
const SOMETIMES: Readonly<Record<string, (event: Event, events: readonly Event[]) => boolean>> = {
  'a full queue': ({ type, data }) => type === 'request.rejected' && data.code === 'queue_full',
  'a request that fits nowhere': ({ type, data }) =>
    type === 'request.rejected' && data.code === 'context_length_exceeded',
  'a client that leaves the queue': ({ type, data }) =>
    type === 'request.abandoned' && data.while === 'queued',
  'a client that leaves its answer': ({ type, data }) =>
    type === 'request.abandoned' && data.while === 'running',
  'a deadline': ({ type }) => type === 'request.expired',
  'a second attempt that is answered': ({ type, data }) => type === 'request.completed' && data.attempts > 1,
  'a stream that breaks': ({ type, data }) => type === 'attempt.failed' && data.delivered,
  'a restart with calls under way': ({ type, data }) =>
    type === 'request.failed' && data.code === 'restarted',
  'a wall clock that is set': ({ type }) => type === 'clock.jumped',
  'an estimate that is charged': ({ type, data }) => type === 'request.completed' && data.estimated,
  'others who use the quota': ({ type, data }) => type === 'llm.limit_learned' && data.cause === 'remaining',
  'a kind of window that headers show': ({ type, data }) =>
    type === 'llm.limit_learned' && data.cause === 'window_header',
  'a key that is rejected': ({ type }) => type === 'llm.disabled',
  'a limit that leaves no room': ({ type }) => type === 'llm.exhausted',
  'a provider that names a time': ({ type, data }) =>
    type === 'attempt.failed' && data.retry_after_ms !== null,
}

test(`in ${seeds} worlds everything holds, twice over, and everything happens`, { timeout: 600_000 }, () => {
  const missing = new Set<string>([
    ...Object.keys(SOMETIMES),
    ...FEATURES,
    ...FAILURE_CLASSES.filter((name) => !NEVER.has(name)),
  ])
  for (let seed = 1; seed <= seeds; seed++) {
    const result = runSeed(seed)
    if (result.violation !== null) expect.fail(describeFailure(seed, result))
    for (const feature of drawSwarm(seed).on) missing.delete(feature)
    for (const event of result.events) {
      if (event.type === 'attempt.failed') missing.delete(event.data.class)
      for (const name of missing) if (SOMETIMES[name]?.(event, result.events)) missing.delete(name)
    }
  }
  expect([...missing]).toEqual([])
})

/** Failures of which no simulated provider is capable. */
const NEVER: ReadonlySet<string> = new Set([
  'quota_exhausted',
  'invalid_answer',
  'not_found',
  'bad_request',
  'internal',
])
