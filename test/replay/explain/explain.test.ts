import { expect, test } from 'vitest'
import type { Policy } from '../../../src/core/dispatch-state.ts'
import type { LlmSpec } from '../../../src/core/types.ts'
import { limit, llm } from '../../support/llms.ts'
import type { DecisionAt } from '../../../src/replay/explain/explanation.ts'
import { begin, tell, toldOrMissing } from '../../support/told.ts'
import { START } from '../../support/virtual-clock.ts'
import { openWorld, type World } from '../../support/world.ts'

/** Groq takes one request a minute, and is cheap; what it cannot take waits. */
const GROQ = llm('Groq', { limits: [limit('requests', 1, 60_000, 'requests_per_min')], quality: 800 })
/** Good, dear and without a limit. */
const DEAR = llm('Dear', { quality: 900, inputPicoUsd: 10_000_000, outputPicoUsd: 20_000_000 })

function given(specs: readonly LlmSpec[], policy: Partial<Policy> = {}): World {
  return begin(openWorld({ specs, policy }))
}

/** A world in which the only request of a minute is taken, and another one waits 300 ms later. */
function waiting(policy: Partial<Policy> = {}, maxWaitMs = 120_000) {
  const world = given([GROQ], policy)
  const first = world.arrives()
  world.clock.advance(200)
  world.finishes(first, { input: 9, output: 5 })
  world.clock.advance(100)
  return { world, id: world.arrives({ max_wait_ms: maxWaitMs }) }
}

const textsOf = (id: string, world: World) => tell(id, world.events).instead.map(({ text }) => text)

test('a request that was served at once is told with all candidates, scores, tokens and cost', () => {
  const world = given([GROQ, DEAR])
  const id = world.arrives({ input_tokens: 100, output_tokens: 50 })
  world.clock.advance(1500)
  world.finishes(id, { input: 90, output: 20 })
  const told = tell(id, world.events)
  expect(told).toMatchObject({
    fate: 'completed',
    at: START,
    config_hash: 'c0ffee0123456789',
    asked: { model: 'auto', weights: { cost: 0.5, quality: 0.5, speed: 0 }, weights_from: 'general' },
    phases: [{ what: 'call', for: 'Groq', from: START, to: START + 1500, ms: 1500 }],
    attempts: [{ attempt: 1, llm: 'Groq', outcome: 'finished', status: 200, usage: { input_tokens: 90 } }],
    end: { status: 200, wait_ms: 0, duration_ms: 1500 },
    tokens: {
      estimated: { input_tokens: 100, output_tokens: 50 },
      reserved: { input_tokens: 100, output_tokens: 50 },
      used: { input_tokens: 90, output_tokens: 20 },
      assumed: false,
    },
    cost_nano_usd: 0,
    helped: [],
  })
  expect(told.decisions).toHaveLength(1)
  expect(told.decisions[0]).toMatchObject({ what: 'dispatched', llm: 'Groq', at: START })
  const [groq, dear] = told.decisions[0]!.candidates
  expect(groq).toMatchObject({ status: 'available', starts_at: START, never: null, cost_nano_usd: 0 })
  expect(groq!.limits).toMatchObject([
    { limit: 'requests_per_min', amount: 1, used: 0, reserved: 0, asked: 1, fits: true, at_least: null },
  ])
  expect(groq!.score).toEqual({ cost: 1, quality: 0.8, speed: 1, now: 0.9, after_wait: 0.9 })
  expect(dear!.score).toMatchObject({ cost: 0, quality: 0.9, now: 0.45 })
  expect(told.instead).toMatchObject([
    { llm: 'Groq', chosen: true, cost_nano_usd: 0, text: 'Groq took it at once.' },
    { llm: 'Dear', chosen: false, cost_nano_usd: 90 * 10_000 + 20 * 20_000 },
  ])
})

test('one that waited is told for which limit, how long, and how much higher it had to be', () => {
  const { world, id } = waiting()
  world.clock.advance(61_000)
  world.finishes(id, { input: 9, output: 5 })
  const told = tell(id, world.events)
  const [arrival, start] = told.decisions
  // The window of the first call is over after a minute and the guard.
  const waitMs = 60_000 + GROQ.limits[0]!.guardMs - 300
  expect(arrival).toMatchObject({ what: 'queued', llm: null })
  expect(arrival!.candidates[0]!.limits[0]).toMatchObject({
    used: 1,
    asked: 1,
    amount: 1,
    fits: false,
    fits_at: told.at + waitMs,
    at_least: 2,
  })
  expect(start).toMatchObject({ what: 'dispatched', llm: 'Groq', at: told.at + waitMs })
  expect(told.phases[0]).toMatchObject({ what: 'limit', for: 'requests_per_min of Groq', ms: waitMs })
  expect(told.instead[0]).toMatchObject({
    starts_ms: waitMs,
    sooner_ms: waitMs,
    chosen: true,
    raise: [{ limit: 'requests_per_min', amount: 1, at_least: 2 }],
    text: "Had Groq's requests_per_min been at least 2 instead of 1, it would have started there at once instead of 60.2 s later.",
  })
})

test('what it is said to have needed is what it needs', () => {
  const raised = { ...GROQ, limits: [{ ...GROQ.limits[0]!, amount: 2 }] }
  const world = given([raised])
  world.finishes(world.arrives(), { input: 9, output: 5 })
  expect(tell(world.arrives(), world.events).decisions[0]).toMatchObject({ what: 'dispatched' })
})

test('its time has no gap, and ends when it ends', () => {
  const { world, id } = waiting()
  world.clock.advance(61_000)
  world.fails(id, 'server_error')
  world.clock.advance(61_000)
  const { phases, at, as_of: asOf } = tell(id, world.events)
  expect(phases[0]!.from).toBe(at)
  for (const [i, { to }] of phases.slice(0, -1).entries()) expect(phases[i + 1]!.from).toBe(to)
  expect(phases.at(-1)!.to ?? asOf.at).toBe(asOf.at)
})

test('one that met a 429 is told what followed, and where it went', () => {
  const cheap = { ...GROQ, limits: [] }
  const world = given([cheap, DEAR])
  const id = world.arrives()
  world.clock.advance(50)
  world.fails(id, 'rate_limited', { retry_after_ms: 90_000, message: 'too many' })
  world.clock.advance(700)
  world.finishes(id, { input: 9, output: 5 })
  const told = tell(id, world.events)
  expect(told.attempts).toMatchObject([
    {
      llm: 'Groq',
      outcome: 'failed',
      status: 429,
      failure: { class: 'rate_limited', retry_after_ms: 90_000 },
    },
    { llm: 'Dear', outcome: 'finished' },
  ])
  expect(told.attempts[0]!.failure!.followed).toEqual([
    'Groq cooling for 90.0 s, rate_limited: too many',
    'back in the queue: attempt 1 was rate_limited: too many',
    expect.stringMatching(/^dispatched to Dear.*attempt 2/),
  ])
  const groq = told.decisions.at(-1)!.candidates[0]!
  expect(groq).toMatchObject({ status: 'cooling', because: 'too many', until: told.at + 90_050, never: null })
})

test('an LLM that failed the request itself is out from then on', () => {
  const world = given([{ ...GROQ, limits: [] }, DEAR])
  const id = world.arrives()
  world.fails(id, 'server_error')
  const [first, second] = tell(id, world.events).decisions
  expect(first!.candidates[0]!.never).toBeNull()
  expect(second!.candidates[0]!.never).toBe('attempt 1 failed there, server_error')
})

test('one that is refused for its wait is told how long a wait would do, and which limit', () => {
  const { world, id } = waiting({ earlyRefusal: 'on' }, 5_000)
  const told = tell(id, world.events)
  expect(told).toMatchObject({
    fate: 'rejected',
    attempts: [],
    phases: [],
    cost_nano_usd: null,
    end: { status: 429, code: 'wait_too_long', retry_after_ms: 55_200 },
  })
  expect(told.helped).toEqual([
    'A longest wait of about 60.2 s instead of 5.0 s (x-llb-max-wait, queue.max_wait), or coming again 55.2 s later.',
    "Had Groq's requests_per_min been at least 2 instead of 1, it would have started there at once.",
  ])
})

test('a longest wait as told is enough', () => {
  const { world, id } = waiting({ earlyRefusal: 'on' }, 60_200)
  expect(tell(id, world.events).fate).toBe('waiting')
})

test('one that expires is told what it waited for, and the state at its end', () => {
  const { world, id } = waiting({}, 5_000)
  world.clock.advance(5_000)
  const told = tell(id, world.events)
  expect(told).toMatchObject({
    fate: 'expired',
    end: { status: 429, code: 'wait_expired', wait_ms: 5_000 },
    phases: [{ what: 'limit', for: 'requests_per_min of Groq', ms: 5_000 }],
  })
  expect(told.decisions.map(({ what }) => what)).toEqual(['queued', 'expired'])
  expect(told.helped[0]).toMatch(
    /^Had Groq's requests_per_min been at least 2 .* instead of waiting in vain\.$/,
  )
})

test('one that its client left is told where it was', () => {
  const { world, id } = waiting()
  world.clock.advance(700)
  world.leaves(id)
  expect(tell(id, world.events)).toMatchObject({
    fate: 'abandoned',
    end: { message: 'its client left while it was queued', wait_ms: 700 },
    phases: [{ what: 'limit', ms: 700 }],
  })
})

test('a call that its client left was cut', () => {
  const world = given([DEAR])
  const id = world.arrives()
  world.clock.advance(700)
  world.leaves(id)
  const told = tell(id, world.events)
  expect(told).toMatchObject({ fate: 'abandoned', end: { message: 'its client left while it was running' } })
  expect(told.attempts).toMatchObject([{ outcome: 'cut', duration_ms: 700 }])
})

test('what is under way is told as far as it is', () => {
  const { world, id } = waiting()
  world.clock.advance(1000)
  const queued = tell(id, world.events)
  expect(queued).toMatchObject({
    fate: 'waiting',
    end: null,
    attempts: [],
    as_of: { seq: world.events.length },
  })
  world.clock.advance(60_000)
  const running = tell(id, world.events)
  expect(running).toMatchObject({ fate: 'running', end: null, attempts: [{ outcome: 'running' }] })
  expect(running.phases.at(-1)).toMatchObject({ what: 'call', to: null })
})

test.each([
  [{ model: 'nobody' }, 'model_not_found', /^nothing has the name "nobody"$/, /^A name that exists/],
  [
    { input_tokens: 200_000 },
    'context_length_exceeded',
    /^context_length 100000 is below the 200010 tokens/,
    /^For Groq: 100010 tokens less, or a context_length of at least 200010\.$/,
  ],
  [
    { modes: ['text' as const, 'vision' as const] },
    'unsupported_mode',
    /^does not take vision$/,
    /^For Groq: it does not fit \(does not take vision\)\.$/,
  ],
  [
    { min_quality: 950, max_cost_nano_usd: 0 },
    'out_of_bounds',
    /^its quality 0.[89] does not reach min_quality 0.95$/,
    /^For Groq: a min_quality of at most 0.8\./,
  ],
])('one that fits nowhere, %j, is told why of each LLM, and what would do', (asked, code, why, way) => {
  const world = given([GROQ, DEAR])
  const told = tell(world.arrives(asked), world.events)
  expect(told).toMatchObject({ fate: 'rejected', end: { code } })
  for (const { never, score } of told.decisions[0]!.candidates) {
    expect(never).toMatch(why)
    expect(score).toBeNull()
  }
  expect(told.helped[0]).toMatch(way)
})

test('what is told to let a request in does', () => {
  const world = given([DEAR])
  const bounds = { min_quality: 950, max_cost_nano_usd: 100 }
  expect(tell(world.arrives(bounds), world.events).helped).toEqual([
    'For Dear: a min_quality of at most 0.9, and a max_cost of at least 0.000300000 USD.',
  ])
  const allowed = world.arrives({ min_quality: 900, max_cost_nano_usd: 300_000 })
  expect(tell(allowed, world.events).fate).toBe('running')
})

test('one that went elsewhere because others waited already is told so', () => {
  const free = llm('Free', { quality: 400, limits: [limit('concurrency', 1, 0, 'concurrency')] })
  const world = given([DEAR, free])
  const taken = () =>
    world.events.find((event) => event.type === 'request.dispatched' && event.llm === 'Dear')
  for (let i = 0; i < 50 && taken() === undefined; i++) world.arrives({ output_tokens: 800 })
  const id = taken()!.request!
  const told = tell(id, world.events)
  const [{ waiting, candidates }] = told.decisions as [DecisionAt]
  const after = candidates[1]!.score!.after_wait!
  expect(waiting).toBeGreaterThan(0)
  expect(after).toBeGreaterThan(candidates[0]!.score!.now)
  expect(told.instead[0]!.text).toBe(
    `Dear took it at once; Free would have scored ${after} after its wait, had nobody waited already (${waiting} did).`,
  )
})

test('a name that leads to other LLMs is told as the reason', () => {
  const world = given([GROQ, DEAR])
  const id = world.arrives({ model: 'Dear' })
  expect(textsOf(id, world)).toEqual([
    'Dear took it at once.',
    'Groq could not take it: "Dear" does not lead to it.',
  ])
})

test('weights and bounds are those in force, the rule of its name taken in', () => {
  const weights = { cost: 0, quality: 1, speed: 0 }
  const bounds = { minQuality: 850, maxCostNanoUsd: null }
  const world = given([GROQ, DEAR], { rules: [{ pattern: 'best', llms: null, weights, bounds }] })
  const { asked } = tell(world.arrives({ model: 'best', min_quality: 300 }), world.events)
  expect(asked).toMatchObject({ weights, weights_from: 'model', min_quality: 850 })
})

test('a full queue and LLMs that are disabled are told as such', () => {
  const { world } = waiting({ maxRequests: 1 })
  expect(tell(world.arrives(), world.events)).toMatchObject({ end: { status: 503, code: 'queue_full' } })
  const off = begin(openWorld({ specs: [DEAR], disabled: { Dear: 'KEY is not set' } }))
  off.balancer.decide('llm.disabled', { because: 'KEY is not set' }, null, 'Dear')
  const told = tell(off.arrives(), off.events)
  expect(told).toMatchObject({ end: { code: 'no_llm_enabled' }, helped: ['Dear: KEY is not set.'] })
  expect(told.decisions[0]!.candidates[0]).toMatchObject({ status: 'disabled', starts_at: null })
})

test('an id that is not in the log is answered with those near it', () => {
  const { world, id } = waiting()
  const near = { missing: 'unknown', message: expect.stringContaining(`Near it are ${id}, req_test_`) }
  expect(toldOrMissing('req_test_zzz', world.events)).toEqual(near)
  expect(toldOrMissing('req_other_3', world.events)).toMatchObject({ missing: 'unknown' })
  expect(toldOrMissing('nonsense', world.events)).toMatchObject({
    message: expect.stringMatching(/^"nonsense" is no id of a request; one looks like req_/),
  })
  expect(toldOrMissing('req_test_3', [])).toEqual({ missing: 'unknown', message: 'The event log is empty.' })
})

test('a request whose beginning was deleted is said to be that', () => {
  const { world, id } = waiting()
  world.clock.advance(61_000)
  const kept = world.events.slice(-3)
  expect(toldOrMissing(id, kept)).toMatchObject({
    missing: 'deleted',
    message: expect.stringMatching(/^The beginning of req_test_\w+ is no longer in the event log/),
  })
})

test('who was behind another is told that the room was there, and went to the other first', () => {
  const { world, id: first } = waiting()
  const second = world.arrives({ max_wait_ms: 300_000 })
  world.clock.advance(61_000)
  world.finishes(first, { input: 9, output: 5 })
  world.clock.advance(61_000)
  const told = tell(second, world.events)
  const roomMs = 60_000 + GROQ.limits[0]!.guardMs - 300
  expect(told.phases.slice(0, 2)).toMatchObject([
    { what: 'limit', for: 'requests_per_min of Groq', ms: roomMs },
    { what: 'turn', for: 'its turn: the room went to others first' },
  ])
  expect(told.assumes).toContain('not even those that waited before it (1)')
})

test('one that waits again after a failure, and expires, is told for what', () => {
  const world = given([{ ...GROQ, limits: [] }])
  const id = world.arrives({ max_wait_ms: 5_000 })
  world.clock.advance(100)
  world.fails(id, 'rate_limited', { retry_after_ms: 60_000, message: 'too many' })
  world.clock.advance(1000)
  expect(tell(id, world.events).phases.at(-1)).toMatchObject({
    to: null,
    for: 'room, since attempt 1 failed',
  })
  world.clock.advance(10_000)
  const told = tell(id, world.events)
  expect(told.fate).toBe('expired')
  expect(told.phases).toMatchObject([
    { what: 'call', ms: 100 },
    { what: 'limit', for: 'recovery (too many) of Groq', ms: 4_900 },
  ])
})

test('one whose process died is told that its call was cut', () => {
  const world = given([DEAR])
  const id = world.arrives()
  world.clock.advance(700)
  const died = { attempts: 1, status: 502, code: 'restarted', message: 'the process died', wait_ms: 0 }
  world.balancer.decide('request.failed', { ...died, cost_nano_usd: 0 }, id)
  expect(tell(id, world.events)).toMatchObject({
    fate: 'failed',
    end: { code: 'restarted' },
    attempts: [{ outcome: 'cut' }],
    phases: [{ what: 'call', for: 'Dear' }],
  })
})

test('what is kept back for higher priorities counts, and what has to be raised for it, too', () => {
  const ceilings = [1000, 500, 500]
  const world = given([
    llm('L', { limits: [limit('requests', 4, 60_000, 'requests_per_min', { ceilings })] }),
  ])
  for (const _ of [1, 2]) world.arrives({ priority: 'high' })
  const told = tell(world.arrives({ priority: 'normal' }), world.events)
  expect(told.decisions[0]!.candidates[0]!.limits[0]).toMatchObject({
    used: 0,
    reserved: 2,
    kept: 2,
    asked: 1,
    amount: 4,
    fits: false,
    at_least: 6,
  })
  const high = world.arrives({ priority: 'high' })
  world.clock.advance(100)
  expect(tell(high, world.events).fate).toBe('running')
})
