import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Event } from '../../../src/core/events.ts'
import { type Selection, select } from '../../../src/log/lines/select.ts'
import { openLog } from '../../../src/log/sqlite.ts'
import type { LogStore } from '../../../src/log/store.ts'
import { event, ticks } from '../../support/events.ts'
import { play, scenarios } from '../../support/scenario.ts'
import { START } from '../../support/virtual-clock.ts'

const ALL: Selection = {
  ...{ since: 0, until: Number.POSITIVE_INFINITY },
  ...{ request: null, client: null, llm: null, types: null },
}

let folder: string
let log: LogStore
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-select-'))
  log = openLog(join(folder, 'events.db'))
})
afterEach(() => {
  log.close()
  rmSync(folder, { recursive: true, force: true })
})

test('everything is everything, however many pages it takes', () => {
  const events = ticks(2500)
  for (let i = 0; i < events.length; i += 7) log.append(events.slice(i, i + 7))
  expect([...select(log, ALL)]).toEqual(events)
  expect([...select(log, { ...ALL, since: START + 7, until: START + 2001 })]).toEqual(events.slice(6, 2001))
})

test('the file is free while a page is looked at', () => {
  log.append(ticks(2500))
  const events = select(log, ALL)
  events.next()
  log.append(ticks(10, 2501))
  expect([...events]).toHaveLength(2509)
})

test('of a client, a request, an LLM or a type, it is exactly what happened to them', () => {
  const runs = scenarios({ mostUsed: 1, reports: true }).map((scenario) => play(scenario).events)
  const [run] = fc.sample(
    runs.filter((events) => events.length > 100),
    { numRuns: 1, seed: 7 },
  )
  const events = run!
  for (let i = 0; i < events.length; i += 10) log.append(events.slice(i, i + 10))
  const isOf = (client: string) => {
    const ids = events.filter((one) => one.type === 'request.received' && one.data.client === client)
    const known = new Set(ids.map(({ request }) => request))
    return ({ request }: Event) => known.has(request)
  }
  const middle = events[Math.floor(events.length / 2)]!.at
  for (const since of [0, middle]) {
    const late = events.filter(({ at }) => at >= since)
    for (const client of ['a', 'b', 'nobody'])
      expect([...select(log, { ...ALL, since, client })]).toEqual(late.filter(isOf(client)))
    for (const llm of ['L0', 'L1', 'nobody'])
      expect([...select(log, { ...ALL, since, llm })]).toEqual(late.filter((one) => one.llm === llm))
    for (const { request } of events.filter(({ type }) => type === 'request.received').slice(0, 10))
      expect([...select(log, { ...ALL, since, request })]).toEqual(
        late.filter((one) => one.request === request),
      )
    const types = ['request.completed', 'timer.fired'] as const
    expect([...select(log, { ...ALL, since, types })]).toEqual(
      late.filter(({ type }) => types.includes(type as never)),
    )
  }
})

test('a request whose arrival is not there any more is of nobody', () => {
  log.append([event(9, 'request.abandoned', { while: 'queued' }, { request: 'req_test_5' })])
  log.append(ticks(2, 10))
  expect([...select(log, { ...ALL, client: 'a' })]).toEqual([])
  expect([...select(log, { ...ALL, request: 'req_test_5' })]).toHaveLength(1)
  expect([...select(log, { ...ALL, request: 'an id of somebody else' })]).toEqual([])
})
