import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkpointOf } from '../../src/core/checkpoint.ts'
import type { Event, EventOf } from '../../src/core/events.ts'
import { DAY_MS } from '../../src/core/time.ts'
import { openLog } from '../../src/log/sqlite.ts'
import type { LogStore } from '../../src/log/store.ts'
import { putCheckpoints } from '../../src/replay/put-checkpoints.ts'
import { foldBefore, stateAt } from '../../src/replay/state-at.ts'
import { execute } from '../../src/replay/verify/execution.ts'
import { verify } from '../../src/replay/verify/verify.ts'
import { simulatedLog } from './simulated.ts'

const CONFIG = `
llms: [{ name: Only, api_type: groq, model: m, api_key_name: "", context_length: 8000, requests_per_min: 10 }]
`
const WORKLOAD = `
for: 10m
sources: [{ pattern: random, per_hour: 300, output_tokens: 333 }]
`
const first = simulatedLog(CONFIG, WORKLOAD)
const started = first[0] as EventOf<'process.started'>

let folder: string
let recorded: LogStore
let log: LogStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-put-'))
  recorded = openLog(join(folder, 'recorded.db'))
  log = openLog(join(folder, 'imported.db'))
})
afterEach(() => {
  recorded.close()
  log.close()
  rmSync(folder, { recursive: true })
})

/** A process that stores its state at its end, and one that starts from that four days later; all their events. */
function givenLongLog(): Event[] {
  recorded.append(first)
  const { seq, at, fold } = stateAt(recorded, first.length)!
  const { config_hash: configHash, config } = started.data
  recorded.checkpoint({ seq, at, configHash, config, state: JSON.stringify(checkpointOf(fold, at)) })
  const later = at + 4 * DAY_MS
  const data = { ...started.data, seed: 5, recovered_at: later }
  const again = { ...started, seq: seq + 1, at: later, data }
  const execution = execute(again, foldBefore(recorded, data, again.seq))
  const arrival = first.find(({ type }) => type === 'request.received') as EventOf<'request.received'>
  const next = execution.produced.at(-1)!.seq + 1
  const request = `req_5_${next.toString(36)}`
  expect(execution.take({ ...arrival, seq: next, at: later + 1, request })).toBeNull()
  recorded.append(JSON.parse(JSON.stringify(execution.produced)))
  return [...recorded.readFrom(1)]
}

describe('a log of days that comes without checkpoints', () => {
  test('is verified with them as it was where it was recorded', () => {
    const events = givenLongLog()
    expect(verify(recorded).difference).toBeNull()
    log.append(events)
    expect(verify(log).difference).toMatchObject({ kind: 'decision' })
    putCheckpoints(log)
    expect(verify(log)).toEqual(verify(recorded))
  })

  test('gets one at each start, and each is the state there', () => {
    log.append(givenLongLog())
    putCheckpoints(log)
    const second = [...log.readOf('process.started', 2)][0]!
    for (const seq of [1, second.seq]) {
      const { fold, at } = stateAt(recorded, seq)!
      expect(log.lastCheckpoint(seq)).toMatchObject({ seq, at, state: checkpointOf(fold, at) })
    }
  })

  test('gets none behind a gap', () => {
    const events = givenLongLog()
    log.append(events.slice(0, 10))
    log.append(events.slice(11))
    putCheckpoints(log)
    expect(log.lastCheckpoint(events.length)?.seq).toBe(1)
  })

  test('gets none of a configuration that nobody can start with', () => {
    log.append([{ ...started, data: { ...started.data, config: { llms: 7 } } }, ...first.slice(1)])
    putCheckpoints(log)
    expect(log.firstCheckpoint()).toBeNull()
  })
})
