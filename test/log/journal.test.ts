import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { createJournal } from '../../src/log/journal.ts'
import { memoryLog, ticks } from '../support/events.ts'

function openJournal() {
  const store = memoryLog()
  const committed: Event[] = []
  const troubles: string[] = []
  /** For each effect, whether its event was in the log by then. */
  const logged: boolean[] = []
  const journal = createJournal({
    store,
    committed(event) {
      logged.push(store.batches.flat().includes(event))
      committed.push(event)
    },
    trouble: (message) => void troubles.push(message),
  })
  const append = (events: readonly Event[]) => {
    for (const event of events) journal.append(event)
  }
  return { store, committed, troubles, logged, journal, append }
}

afterEach(() => void vi.restoreAllMocks())

/** Moves the clock of the journal's pauses. */
function atMs(ms: number): void {
  vi.spyOn(performance, 'now').mockReturnValue(1e6 + ms)
}

describe('the journal', () => {
  test('writes the events of one turn in one batch, and only then lets them have effects', async () => {
    const { append, store, committed, logged } = openJournal()
    append(ticks(5))
    expect([store.batches.length, committed.length]).toEqual([0, 0])
    await turn()
    await turn()
    expect(store.batches).toEqual([ticks(5)])
    expect(committed).toEqual(ticks(5))
    expect(logged.every(Boolean)).toBe(true)
  })

  test('commits what effects bring about in a batch of its own, in order', () => {
    const store = memoryLog()
    const heard: number[] = []
    const journal = createJournal({
      store,
      committed(event) {
        heard.push(event.seq)
        if (event.seq === 1) journal.append(ticks(1, 3)[0]!)
      },
      trouble() {},
    })
    for (const event of ticks(2)) journal.append(event)
    journal.flush()
    expect(heard).toEqual([1, 2])
    journal.flush()
    expect(heard).toEqual([1, 2, 3])
    expect(store.batches.map((batch) => batch.length)).toEqual([2, 1])
  })

  test('flushed with nothing to write, writes nothing', () => {
    const { journal, store } = openJournal()
    journal.flush()
    expect(store.batches).toEqual([])
  })
})

describe('a disk that takes no events', () => {
  test('does not keep the server from serving, is told of once, and gets everything later', () => {
    const { append, journal, store, committed, troubles } = openJournal()
    store.broken = true
    for (let i = 0; i < 3; i++) {
      append(ticks(2, 1 + 2 * i))
      journal.flush()
    }
    expect(committed).toEqual(ticks(6))
    expect(troubles).toEqual([
      'The event log cannot be written: the disk is full. Serving goes on; events are kept in memory.',
    ])
    store.broken = false
    append(ticks(1, 7))
    journal.flush()
    expect(store.batches).toEqual([ticks(7)])
    expect(troubles[1]).toBe('The event log can be written again; 0 events were lost.')
    expect(journal.dropped()).toBe(0)
  })

  test('is not asked again before a second has passed, but for the last time', async () => {
    const { append, journal, store } = openJournal()
    const tries = vi.spyOn(store, 'append')
    store.broken = true
    atMs(0)
    append(ticks(1))
    journal.flush()
    atMs(999)
    append(ticks(1, 2))
    await turn()
    await turn()
    expect(tries).toHaveBeenCalledTimes(1)
    store.broken = false
    journal.flush()
    expect(store.batches).toEqual([ticks(2)])
  })

  test('costs the oldest events once 50,000 wait, and they are counted', () => {
    const { append, journal, store, committed, troubles } = openJournal()
    store.broken = true
    append(ticks(50_000))
    journal.flush()
    append(ticks(123, 50_001))
    journal.flush()
    expect(committed).toHaveLength(50_123)
    expect(journal.dropped()).toBe(123)
    store.broken = false
    journal.flush()
    expect(store.batches.flat()).toHaveLength(50_000)
    expect(store.batches.flat()[0]!.seq).toBe(124)
    expect(troubles.at(-1)).toBe('The event log can be written again; 123 events were lost.')
  })
})
