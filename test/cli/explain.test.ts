import { expect, test } from 'vitest'
import { describeExplanation } from '../../src/cli/explain-report.ts'
import { limit, llm } from '../support/llms.ts'
import { begin, tell } from '../support/told.ts'
import { openWorld, type World } from '../support/world.ts'

/** What is printed, word for word; `vitest -u` writes it anew where a change is meant. */

const PRICES = { inputPicoUsd: 590_000, outputPicoUsd: 790_000 }
const GROQ = llm('Groq', {
  ...PRICES,
  quality: 800,
  limits: [
    limit('requests', 2, 60_000, 'requests_per_min'),
    limit('tokens', 6000, 60_000, 'tokens_per_min'),
    limit('concurrency', 1, 0, 'concurrency'),
  ],
})
const GEMINI = llm('Gemini', {
  quality: 700,
  inputPicoUsd: 100_000,
  outputPicoUsd: 400_000,
  limits: [limit('requests', 1, 30_000, 'requests_per_30s')],
})
const TINY = llm('Tiny', { quality: 900, contextLength: 15 })

const given = (policy = {}): World => begin(openWorld({ specs: [GROQ, GEMINI, TINY], policy }))
const ask = { client: 'tester', input_tokens: 500, output_tokens: 300, stream: true }
/** Uses up what Gemini and Groq take within half a minute, by requests that cannot wait. */
function useUp(world: World): void {
  for (const _ of ['Gemini', 'Groq', 'Groq']) {
    const id = world.arrives({ ...ask, max_wait_ms: 1000 })
    world.clock.advance(100)
    world.finishes(id, { input: 480, output: 120 })
  }
}

const printed = (id: string, { events }: World) => describeExplanation(tell(id, events))

test('a request that went at once', () => {
  const world = given()
  const id = world.arrives({ ...ask, min_quality: 500 })
  world.clock.advance(1200)
  world.finishes(id, { input: 480, output: 120 })
  expect(printed(id, world)).toMatchInlineSnapshot(`
    "req_test_2 was completed by Gemini after 1.2 s, 0 ms of it waiting

    came        2023-11-14T22:13:20.000Z from tester, as event 2
    asked for   model "auto" (chat): text, streamed
    needs       about 500 tokens in, at most 300 tokens out
    may         wait for 60.0 s at normal priority; quality at least 0.5
    weighs      cost 0.5, quality 0.5, speed 0 (the general ones)
    tokens      500 + 300 set aside, 480 + 120 used
    cost        $0.000096
    decided by  configuration c0ffee012345

    What happened
       +0 ms  received model "auto" from tester, about 500 tokens, stream
       +0 ms  dispatched to Gemini
      +1.2 s  completed by Gemini, 480 + 120 tokens, $0.000096, 1.2 s

    Its time
      1.2 s  call to Gemini

    The LLMs on arrival (event 3: dispatched to Gemini)
    LLM       cost  quality  speed  score now  after its wait  could start      price  why
    Groq         0      0.8      1        0.4             0.4      at once  $0.000532  has room
    Gemini *  0.68      0.7      1       0.69            0.69      at once  $0.000170  has room
    Tiny         -        -      -          -               -        never  $0.000000  context_length 15 is below the 800 tokens it needs

    LLM     limit             used  reserved  kept  asked       of  room
    Groq    context_length                            800  100,000  fits
    Groq    requests_per_min     0         0     0      1        2  fits
    Groq    tokens_per_min       0         0     0    800    6,000  fits
    Groq    concurrency          0         0     0      1        1  fits
    Gemini  context_length                            800  100,000  fits
    Gemini  requests_per_30s     0         0     0      1        1  fits

    Attempts
    attempt  LLM     started  waited  set aside  status  first byte   took  outcome
    1        Gemini    +0 ms    0 ms  500 + 300     200        5 ms  10 ms  finished (stop)

    What else could have been
      Gemini took it at once.
      Groq had room too, but not the best score (0.4 against 0.69).
      Tiny could not take it: context_length 15 is below the 800 tokens it needs.
      Its price by LLM: Gemini $0.000096, Groq $0.000378.
      Each figure is of the ledgers as they were when the request came, one LLM at a time, and assumes that nothing else changes: what was spent and held is the same, nobody else takes the room that a higher limit gives, and as many tokens are used elsewhere.
    "
  `)
})

test('one that waited, met a 429 and went elsewhere', () => {
  const world = given()
  useUp(world)
  const id = world.arrives({ ...ask, max_wait_ms: 120_000 })
  world.clock.advance(31_000)
  world.fails(id, 'rate_limited', { retry_after_ms: 40_000, duration_ms: 40, message: 'slow down' })
  world.clock.advance(31_000)
  world.finishes(id, { input: 480, output: 120 })
  expect(printed(id, world)).toMatchInlineSnapshot(`
    "req_test_i was completed by Groq after 62.0 s, 59.5 s of it waiting

    came        2023-11-14T22:13:20.300Z from tester, as event 18
    asked for   model "auto" (chat): text, streamed
    needs       about 500 tokens in, at most 300 tokens out
    may         wait for 120.0 s at normal priority
    weighs      cost 0.5, quality 0.5, speed 0 (the general ones)
    tokens      498 + 300 set aside, 480 + 120 used
    cost        $0.000378
    decided by  configuration c0ffee012345

    What happened
        +0 ms  received model "auto" from tester, about 500 tokens, stream
        +0 ms  queued at position 1, waits for requests_per_30s of Gemini or requests_per_min of Groq, about 30.2 s
      +30.2 s  dispatched to Gemini after 30.2 s for requests_per_30s of Gemini or requests_per_min of Groq
      +31.0 s  attempt 1 failed, rate_limited: slow down
      +31.0 s  back in the queue: attempt 1 was rate_limited: slow down
      +60.3 s  dispatched to Groq after 60.3 s for requests_per_min of Groq or recovery (slow down) of Gemini, attempt 2
      +62.0 s  completed by Groq, 480 + 120 tokens, $0.000378, 62.0 s

    Its time
      30.2 s  waiting for requests_per_30s of Gemini or requests_per_min of Groq
      800 ms  call to Gemini
      29.3 s  waiting for requests_per_min of Groq or recovery (slow down) of Gemini
       1.7 s  call to Groq

    The LLMs on arrival (event 19: queued)
    LLM     cost  quality  speed  score now  after its wait  could start      price  why
    Groq       0      0.8      1        0.4           0.149    in 60.3 s  $0.000531  no room in requests_per_min
    Gemini  0.68      0.7  0.841       0.69           0.564    in 30.2 s  $0.000170  no room in requests_per_30s
    Tiny       -        -      -          -               -        never  $0.000000  context_length 15 is below the 800 tokens it needs

    LLM     limit              used  reserved  kept  asked       of  room
    Groq    context_length                             798  100,000  fits
    Groq    requests_per_min      2         0     0      1        2  in 60.3 s; at once with 3
    Groq    tokens_per_min    1,200         0     0    798    6,000  fits
    Groq    concurrency           0         0     0      1        1  fits
    Gemini  context_length                             799  100,000  fits
    Gemini  requests_per_30s      1         0     0      1        1  in 30.2 s; at once with 2

    The LLMs +30.2 s (event 22: dispatched to Gemini)
    LLM       cost  quality  speed  score now  after its wait  could start      price  why
    Groq         0      0.8      1        0.4           0.275    in 30.1 s  $0.000531  no room in requests_per_min
    Gemini *  0.68      0.7  0.841       0.69            0.69      at once  $0.000170  has room
    Tiny         -        -      -          -               -        never  $0.000000  context_length 15 is below the 800 tokens it needs

    LLM     limit              used  reserved  kept  asked       of  room
    Groq    context_length                             798  100,000  fits
    Groq    requests_per_min      2         0     0      1        2  in 30.1 s; at once with 3
    Groq    tokens_per_min    1,200         0     0    798    6,000  fits
    Groq    concurrency           0         0     0      1        1  fits
    Gemini  context_length                             799  100,000  fits
    Gemini  requests_per_30s      0         0     0      1        1  fits

    The LLMs +60.3 s (event 29: dispatched to Groq)
    LLM     cost  quality  speed  score now  after its wait  could start      price  why
    Groq *     0      0.8      1        0.4             0.4      at once  $0.000531  has room
    Gemini  0.68      0.7  0.841       0.69           0.645    in 10.7 s  $0.000170  cooling for 10.7 s more: slow down
    Tiny       -        -      -          -               -        never  $0.000000  context_length 15 is below the 800 tokens it needs

    LLM     limit              used  reserved  kept  asked       of  room
    Groq    context_length                             798  100,000  fits
    Groq    requests_per_min      1         0     0      1        2  fits
    Groq    tokens_per_min    1,200         0     0    798    6,000  fits
    Groq    concurrency           0         0     0      1        1  fits
    Gemini  context_length                             799  100,000  fits
    Gemini  requests_per_30s      1         0     0      1        1  in 400 ms; at once with 2

    Attempts
    attempt  LLM     started  waited  set aside  status  first byte   took  outcome
    1        Gemini  +30.2 s  30.2 s  499 + 300     429           -  40 ms  rate_limited: slow down
    2        Groq    +60.3 s  60.3 s  498 + 300     200        5 ms  10 ms  finished (stop)
      after attempt 1: Gemini cooling for 40.0 s, rate_limited: slow down
      after attempt 1: back in the queue: attempt 1 was rate_limited: slow down

    What else could have been
      Had Gemini's requests_per_30s been at least 2 instead of 1, it would have started there at once instead of 30.2 s later.
      Had Groq's requests_per_min been at least 3 instead of 2, it could have started there at once instead of 30.2 s later, but another had the better score.
      Tiny could not take it: context_length 15 is below the 800 tokens it needs.
      Its price by LLM: Gemini $0.000096, Groq $0.000378.
      Each figure is of the ledgers as they were when the request came, one LLM at a time, and assumes that nothing else changes: what was spent and held is the same, nobody else takes the room that a higher limit gives, and as many tokens are used elsewhere.
    "
  `)
})

test('one that was refused', () => {
  const world = given({ earlyRefusal: 'on' })
  useUp(world)
  const id = world.arrives({ ...ask, max_wait_ms: 2000 })
  expect(printed(id, world)).toMatchInlineSnapshot(`
    "req_test_i was refused on arrival: 429 wait_too_long

    came        2023-11-14T22:13:20.300Z from tester, as event 18
    asked for   model "auto" (chat): text, streamed
    needs       about 500 tokens in, at most 300 tokens out
    may         wait for 2.0 s at normal priority
    weighs      cost 0.5, quality 0.5, speed 0 (the general ones)
    tokens      none set aside
    cost        nothing
    decided by  configuration c0ffee012345

    What happened
      +0 ms  received model "auto" from tester, about 500 tokens, stream
      +0 ms  refused 429 wait_too_long: This request may wait for 2000 ms, but no LLM is expected to have room within 30200 ms; it would wait for requests_per_30s of Gemini or requests_per_min of Groq. Send it again in 28200 ms, or allow a longer wait with the header x-llb-max-wait or queue.max_wait.

    The LLMs on arrival (event 19: rejected)
    LLM     cost  quality  speed  score now  after its wait  could start      price  why
    Groq       0      0.8      1        0.4               -    in 60.3 s  $0.000531  no room in requests_per_min
    Gemini  0.68      0.7  0.841       0.69               -    in 30.2 s  $0.000170  no room in requests_per_30s
    Tiny       -        -      -          -               -        never  $0.000000  context_length 15 is below the 800 tokens it needs

    LLM     limit              used  reserved  kept  asked       of  room
    Groq    context_length                             798  100,000  fits
    Groq    requests_per_min      2         0     0      1        2  in 60.3 s; at once with 3
    Groq    tokens_per_min    1,200         0     0    798    6,000  fits
    Groq    concurrency           0         0     0      1        1  fits
    Gemini  context_length                             799  100,000  fits
    Gemini  requests_per_30s      1         0     0      1        1  in 30.2 s; at once with 2

    What would have helped
      A longest wait of about 30.2 s instead of 2.0 s (x-llb-max-wait, queue.max_wait), or coming again 28.2 s later.
      Had Gemini's requests_per_30s been at least 2 instead of 1, it would have started there at once.
      Had Groq's requests_per_min been at least 3 instead of 2, it would have started there at once.

    What else could have been
      Tiny could not take it: context_length 15 is below the 800 tokens it needs.
      Its price by LLM: Gemini $0.000170, Groq $0.000531.
      Each figure is of the ledgers as they were when the request came, one LLM at a time, and assumes that nothing else changes: what was spent and held is the same, nobody else takes the room that a higher limit gives, and as many tokens are used elsewhere.
    "
  `)
})

test('one that still waits', () => {
  const world = given()
  for (const _ of [1, 2]) world.arrives(ask)
  world.clock.advance(1000)
  const id = world.arrives({ ...ask, priority: 'high' })
  world.clock.advance(1500)
  world.arrives(ask)
  expect(printed(id, world)).toMatchInlineSnapshot(`
    "req_test_7 still waits as of event 11, 1.5 s after it came

    came        2023-11-14T22:13:21.000Z from tester, as event 7
    asked for   model "auto" (chat): text, streamed
    needs       about 500 tokens in, at most 300 tokens out
    may         wait for 60.0 s at high priority
    weighs      cost 0.5, quality 0.5, speed 0 (the general ones)
    tokens      none set aside
    cost        not known yet
    decided by  configuration c0ffee012345

    What happened
      +0 ms  received model "auto" from tester, about 500 tokens, stream, high priority
      +0 ms  queued at position 1, waits for requests_per_30s of Gemini, about 29.5 s

    Its time
      1.5 s so far  waiting for requests_per_30s of Gemini

    The LLMs on arrival (event 8: queued, 1 other waiting)
    LLM     cost  quality  speed  score now  after its wait  could start      price  why
    Groq       0      0.8      1        0.4             0.4      at once  $0.000532  has room
    Gemini  0.68      0.7      1       0.69           0.444    in 29.5 s  $0.000170  no room in requests_per_30s
    Tiny       -        -      -          -               -        never  $0.000000  context_length 15 is below the 800 tokens it needs

    LLM     limit             used  reserved  kept  asked       of  room
    Groq    context_length                            800  100,000  fits
    Groq    requests_per_min     0         0     0      1        2  fits
    Groq    tokens_per_min       0         0     0    800    6,000  fits
    Groq    concurrency          0         0     0      1        1  fits
    Gemini  context_length                            800  100,000  fits
    Gemini  requests_per_30s     0         1     0      1        1  in 29.5 s; at once with 2

    What else could have been
      Groq had room at once, but scored 0.4 against 0.444 of Gemini after its wait.
      Had Gemini's requests_per_30s been at least 2 instead of 1, it would have started there at once.
      Tiny could not take it: context_length 15 is below the 800 tokens it needs.
      Its price by LLM: Groq $0.000532, Gemini $0.000170.
      Each figure is of the ledgers as they were when the request came, one LLM at a time, and assumes that nothing else changes: what was spent and held is the same, nobody else takes the room that a higher limit gives, and as many tokens are used elsewhere.
    "
  `)
})

test('no word of a client or a provider moves the cursor or starts a line', () => {
  const world = begin(openWorld({ specs: [llm('Lone')] }))
  const id = world.arrives({ client: 'a\u001b[2J\nforged', model: 'auto' })
  world.fails(id, 'bad_request', { message: 'no\r\n\u009b31mred' })
  const text = printed(id, world)
  const moves = (one: string) => (one < ' ' && one !== '\n') || (one >= '\u007f' && one < '\u00a0')
  expect([...text].filter(moves)).toEqual([])
  expect(text).not.toMatch(/^forged/m)
})
