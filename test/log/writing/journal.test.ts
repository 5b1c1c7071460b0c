import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Event } from '../../../src/core/events.ts'
import { Journal } from '../../../src/log/writing/journal.ts'
import { memoryLog, ticks } from '../../support/events.ts'

function openJournal(writer = memoryLog()) {
  const committed: Event[] = []
  const troubles: string[] = []
  /** For each effect, whether its event was in the log by then. */
  const logged: boolean[] = []
  const resumed: [lost: number, ms: number][] = []
  const journal = new Journal({
    writer,
    committed(event) {
      logged.push(writer.batches.some((batch) => batch.includes(event)))
      committed.push(event)
    },
    trouble: (message) => void troubles.push(message),
    renewed() {},
    resumed: (lost, ms) => void resumed.push([lost, ms]),
  })
  const append = (events: readonly Event[]) => {
    for (const event of events) journal.append(event)
  }
  return { writer, committed, troubles, logged, resumed, journal, append }
}

/** What has to happen without any pause happens within a few turns. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn()
}

const seqs = (events: readonly Event[]) => events.map(({ seq }) => seq)

describe('the journal', () => {
  test('writes the events of one turn in one batch, and only then lets them have effects', async () => {
    const { append, writer, committed, logged } = openJournal()
    append(ticks(5))
    expect([writer.batches.length, committed.length]).toEqual([0, 0])
    await turns()
    expect(writer.batches).toEqual([ticks(5)])
    expect(committed).toEqual(ticks(5))
    expect(logged.every(Boolean)).toBe(true)
  })

  test('commits what effects bring about in a batch of its own, in order', async () => {
    const writer = memoryLog()
    const heard: number[] = []
    const journal = new Journal({
      writer,
      committed(event) {
        heard.push(event.seq)
        if (event.seq === 1) journal.append(ticks(1, 3)[0]!)
      },
      trouble() {},
      renewed() {},
      resumed() {},
    })
    for (const event of ticks(2)) journal.append(event)
    await journal.flush()
    expect(heard).toEqual([1, 2, 3])
    expect(writer.batches.map((batch) => batch.length)).toEqual([2, 1])
  })

  test('flushed with nothing to write, writes nothing', async () => {
    const { journal, writer } = openJournal()
    await journal.flush()
    expect(writer.batches).toEqual([])
  })

  test('has one batch under way, and what comes meanwhile is the next', async () => {
    const { append, writer, committed, journal } = openJournal()
    writer.slow = true
    append(ticks(2))
    await turns()
    append(ticks(2, 3))
    append(ticks(2, 5))
    await turns()
    expect([committed, journal.waiting]).toEqual([[], 6])
    writer.slow = false
    writer.letThrough()
    await journal.flush()
    expect(writer.batches.map(seqs)).toEqual([
      [1, 2],
      [3, 4, 5, 6],
    ])
    expect(committed).toEqual(ticks(6))
  })

  test('writes much that has gathered in parts, so that packing it holds nobody up', async () => {
    const { append, writer, journal } = openJournal()
    append(ticks(1200))
    await journal.flush()
    expect(writer.batches.map((batch) => batch.length)).toEqual([500, 500, 200])
  })
})

describe('a disk that takes no events', () => {
  test('does not keep the server from serving, is told of once, and gets everything later', async () => {
    const { append, journal, writer, committed, troubles, resumed } = openJournal()
    writer.broken = true
    for (let i = 0; i < 3; i++) {
      append(ticks(2, 1 + 2 * i))
      await journal.flush()
    }
    expect(committed).toEqual(ticks(6))
    expect(troubles).toEqual([
      'The event log cannot be written: the disk is full. Events are kept in memory.',
    ])
    expect([journal.health(), resumed]).toEqual([{ status: 'failing', dropped: 0 }, []])
    writer.broken = false
    append(ticks(1, 7))
    await journal.flush()
    expect(writer.batches.flat()).toEqual(ticks(7))
    expect(committed).toEqual(ticks(7))
    expect(troubles.slice(1)).toEqual(['The event log can be written again; 0 events were lost.'])
    expect(resumed).toEqual([[0, expect.any(Number)]])
    expect(journal.health()).toEqual({ status: 'ok', dropped: 0 })
  })

  test('lets what comes meanwhile have its effects at once', async () => {
    const { append, journal, writer, committed } = openJournal()
    writer.broken = true
    append(ticks(1))
    await journal.flush()
    append(ticks(3, 2))
    await vi.waitFor(() => expect(committed).toEqual(ticks(4)))
    expect(writer.batches).toEqual([])
  })

  test('costs the oldest events once 50,000 wait, and they are counted', async () => {
    const { append, journal, writer, committed, troubles, resumed } = openJournal()
    writer.broken = true
    append(ticks(50_000))
    await journal.flush()
    append(ticks(123, 50_001))
    await journal.flush()
    await vi.waitFor(() => expect(committed).toHaveLength(50_123))
    expect(journal.health()).toEqual({ status: 'failing', dropped: 123 })
    writer.broken = false
    await journal.flush()
    expect(seqs(writer.batches.flat())).toEqual(seqs(ticks(50_000, 124)))
    expect(troubles.at(-1)).toBe('The event log can be written again; 123 events were lost.')
    expect(resumed.map(([lost]) => lost)).toEqual([123])
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    'at the write number %d alone, costs nothing and changes no order',
    async (nth) => {
      const { append, journal, writer, committed, troubles } = openJournal()
      for (let i = 1; i <= 10; i++) {
        writer.broken = i === nth
        append(ticks(3, 3 * i - 2))
        await journal.flush()
      }
      writer.broken = false
      await journal.flush()
      expect(writer.batches.flat()).toEqual(ticks(30))
      expect(committed).toEqual(ticks(30))
      expect(troubles).toHaveLength(2)
    },
  )

  test('at any writes, costs nothing that fits in memory, and each event has its effects once', async () => {
    const step = fc.record({ count: fc.integer({ min: 0, max: 700 }), broken: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { append, journal, writer, committed } = openJournal()
        let seq = 1
        for (const { count, broken } of steps) {
          writer.broken = broken
          append(ticks(count, seq))
          seq += count
          await journal.flush()
        }
        writer.broken = false
        await journal.flush()
        await turns()
        expect(seqs(writer.batches.flat())).toEqual(seqs(ticks(seq - 1)))
        expect(seqs(committed)).toEqual(seqs(ticks(seq - 1)))
      }),
      { numRuns: 50 },
    )
  })
})

describe('with time', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  test('a disk that takes no events is tried again each second', async () => {
    const { append, journal, writer } = openJournal()
    const tries = vi.spyOn(writer, 'append')
    writer.broken = true
    append(ticks(1))
    await journal.flush()
    await vi.advanceTimersByTimeAsync(999)
    expect(tries).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(tries).toHaveBeenCalledTimes(2)
    writer.broken = false
    await vi.advanceTimersByTimeAsync(1000)
    expect(writer.batches).toEqual([ticks(1)])
    expect(journal.health().status).toBe('ok')
  })

  test('a slow disk is waited for, and asks for a pause of new requests when much waits', async () => {
    const { append, journal, writer, committed } = openJournal()
    writer.slow = true
    append(ticks(25_000))
    await vi.advanceTimersByTimeAsync(9_999)
    expect([committed.length, journal.health().status]).toEqual([0, 'ok'])
    append(ticks(501, 25_001))
    expect(journal.health().status).toBe('slow')
    writer.slow = false
    writer.letThrough()
    await journal.flush()
    expect(committed).toEqual(ticks(25_501))
    expect(journal.health()).toEqual({ status: 'ok', dropped: 0 })
  })

  test('a disk that is silent for ten seconds counts as failed, until it speaks again', async () => {
    const { append, journal, writer, committed, troubles } = openJournal()
    writer.slow = true
    append(ticks(2))
    await vi.advanceTimersByTimeAsync(1)
    append(ticks(2, 3))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(committed).toEqual(ticks(4))
    expect(troubles).toEqual([
      'The event log cannot be written: the disk has been silent for 10 s. Events are kept in memory.',
    ])
    append(ticks(1, 5))
    await vi.advanceTimersByTimeAsync(10)
    expect(committed).toEqual(ticks(5))
    await journal.flush()
    expect(journal.waiting).toBe(5)
    writer.slow = false
    writer.letThrough()
    await vi.advanceTimersByTimeAsync(10)
    expect(writer.batches.flat()).toEqual(ticks(5))
    expect(committed).toEqual(ticks(5))
    expect([journal.waiting, journal.health().status]).toEqual([0, 'ok'])
  })
})
