import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decidingOf } from '../../src/config/policy.ts'
import { checkpointOf } from '../../src/core/checkpoint.ts'
import { createFold } from '../../src/core/fold.ts'
import type { Event } from '../../src/core/events.ts'
import { used } from '../../src/core/limits/ledger.ts'
import { openLog } from '../../src/log/sqlite.ts'
import type { LogStore } from '../../src/log/store.ts'
import { seqAt, stateAt } from '../../src/replay/state-at.ts'
import { drawSwarm } from '../../src/sim/swarm.ts'
import { runTrial } from '../../src/sim/trial.ts'
import { event, ticks } from '../support/events.ts'
import { type Look, type Watch, watchFolds } from '../support/folding.ts'
import { arrival, limit, llm } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

let folder: string
let log: LogStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-state-'))
  log = openLog(join(folder, 'events.db'))
})
afterEach(() => {
  log.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The world of a seed, with what was looked at while it ran. */
function given(seed: number): Watch {
  const { policy } = drawSwarm(seed)
  const watch = watchFolds(policy.specs, seed, 20)
  runTrial(drawSwarm(seed), watch.create)
  return watch
}

function append(events: readonly Event[]): void {
  for (let i = 0; i < events.length; i += 7) log.append(events.slice(i, i + 7))
}

const configOf = (seed: number) => decidingOf(drawSwarm(seed).policy)

function putCheckpoint({ events, looks }: Watch, seed: number, { seq, at, live }: Look): void {
  const started = events.find(({ type }) => type === 'process.started')!
  const { config_hash: configHash } = started.data as { config_hash: string }
  log.checkpoint({
    seq,
    at: Math.min(at, events[seq - 1]!.at),
    configHash,
    config: configOf(seed),
    state: JSON.stringify(live),
  })
  expect(looks.length).toBeGreaterThan(1)
}

function expectAll(looks: readonly Look[]): void {
  for (const { seq, at, live } of looks) {
    const state = stateAt(log, seq)!
    expect(state.seq).toBe(seq)
    expect(checkpointOf(state.fold, at), `event ${seq}`).toEqual(live)
  }
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] as const

describe('the state at an event is what the live one was there', () => {
  test.each(SEEDS)('without a checkpoint (world %d)', (seed) => {
    const watch = given(seed)
    append(watch.events)
    expectAll(watch.looks)
  })

  test.each(SEEDS)('from the last checkpoint on, whichever there are (world %d)', (seed) => {
    const watch = given(seed)
    append(watch.events)
    for (const [i, look] of watch.looks.entries()) if (i % 3 === 1) putCheckpoint(watch, seed, look)
    expectAll(watch.looks)
  })

  test.each(SEEDS)('also once the events before a checkpoint are deleted (world %d)', (seed) => {
    const watch = given(seed)
    const { looks, events } = watch
    append(events)
    for (const [i, look] of looks.entries()) if (i % 3 === 1) putCheckpoint(watch, seed, look)
    const middle = looks[Math.floor(looks.length / 2)]!
    while (log.prune(middle.at, 3) > 0);
    const first = log.firstCheckpoint()!
    expect(log.first().seq).toBeLessThanOrEqual(first + 1)
    expectAll(looks.filter(({ seq }) => seq >= first))
    // What came in one commit with the event after the checkpoint is still there.
    const gone = looks.filter(({ seq }) => seq < first && log.first().seq > 1)
    for (const { seq } of gone) expect(stateAt(log, seq)).toBe(null)
  })
})

describe('where the configuration changed', () => {
  const day = 86_400_000
  const configs = {
    A: [llm('A', { limits: [limit('requests', 100, day)] })],
    B: [llm('B', { limits: [limit('requests', 100, day)] })],
  }
  const starts = (seq: number, name: 'A' | 'B', at = START + seq) => {
    const config = decidingOf({ ...drawSwarm(1).policy, specs: configs[name] })
    const who = { version: '1', runtime: 'bun', seed: 1, disabled: [] }
    return event(seq, 'process.started', { ...who, config_hash: name, config, recovered_at: at }, { at })
  }
  const asked = (seq: number, name: 'A' | 'B', at = START + seq) => {
    const of = { request: `req_${seq}`, at }
    const dispatched = {
      attempt: 1,
      reserved: { input_tokens: 1, output_tokens: 1 },
      wait_ms: 0,
      waited_for: null,
      candidates: [],
    }
    return [
      event(seq, 'request.received', arrival(), of),
      event(seq + 1, 'request.dispatched', dispatched, { ...of, llm: name }),
    ]
  }
  const usedOf = (seq: number) => {
    const { fold, at } = stateAt(log, seq)!
    return Array.from(fold.llms, ([name, { account }]) => [name, used(account.ledgers[0]!, at)])
  }

  test('the state is that of the LLMs that were configured then, with what was known of them', () => {
    append([starts(1, 'A'), ...asked(2, 'A'), starts(4, 'B'), ...asked(5, 'B'), starts(7, 'A')])
    expect([1, 3, 4, 6, 7].map(usedOf)).toEqual([[['A', 0]], [['A', 1]], [['B', 0]], [['B', 1]], [['A', 1]]])
  })

  test('a checkpoint of another configuration is passed over', () => {
    append([starts(1, 'A'), ...asked(2, 'A'), starts(4, 'B'), ...asked(5, 'B')])
    const state = JSON.stringify(checkpointOf(createFold(configs.B), START))
    log.checkpoint({ seq: 4, at: START + 4, configHash: 'B', config: { llms: configs.B }, state })
    append([starts(7, 'A'), ...asked(8, 'A')])
    expect([6, 7, 9].map(usedOf)).toEqual([[['B', 1]], [['A', 1]], [['A', 2]]])
  })

  test('a log that begins too late does not tell the state, but from its first checkpoint on', () => {
    append([starts(100, 'A'), ...asked(101, 'A')])
    expect(stateAt(log, 102)).toBe(null)
    const state = JSON.stringify(checkpointOf(createFold(configs.A), START))
    log.checkpoint({ seq: 100, at: START + 100, configHash: 'A', config: { llms: configs.A }, state })
    expect(stateAt(log, 99)).toBe(null)
    expect(usedOf(102)).toEqual([['A', 1]])
  })

  test('a place after the end is the end, and an empty log has no state', () => {
    expect(stateAt(log, 5)).toBe(null)
    append([starts(1, 'A')])
    expect(stateAt(log, 5)!.seq).toBe(1)
  })
})

test('an instant is the last event at it or before it', () => {
  append(ticks(10))
  expect([0, 1, 5, 10, 99].map((ms) => seqAt(log, START + ms))).toEqual([0, 1, 5, 10, 10])
})
