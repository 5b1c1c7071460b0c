import { describe, expect, test } from 'vitest'
import { checkpointOf } from '../../../src/core/checkpoint.ts'
import { createFold, foldInto } from '../../../src/core/fold.ts'
import { createCheckpointer } from '../../../src/log/writing/checkpointer.ts'
import type { CheckpointText } from '../../../src/log/store.ts'
import { event } from '../../support/events.ts'
import { arrival } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

const idle = JSON.stringify(checkpointOf(createFold([]), START))

/** A state with so many requests that wait. */
function crowded(requests: number): string {
  const fold = createFold([])
  for (let seq = 1; seq <= requests; seq++)
    foldInto(fold, event(seq, 'request.received', arrival(), { request: `req_${seq}` }))
  return JSON.stringify(checkpointOf(fold, START))
}

/** Records so many events, with a turn of the event loop after every 1000, and gives what was stored. */
async function storedAfter(
  count: number,
  state: string,
  isBroken = () => false,
  atOf = (seq: number) => START + seq,
): Promise<number[]> {
  const stored: CheckpointText[] = []
  const checkpointer = createCheckpointer({
    store: {
      checkpoint(checkpoint) {
        if (isBroken()) throw new Error('the disk is full')
        stored.push(checkpoint)
      },
    },
    configHash: 'hash',
    config: {},
    take: () => [state.slice(0, 7), state.slice(7)].values(),
  })
  for (let seq = 1; seq <= count; seq++) {
    checkpointer.recorded(event(seq, 'timer.fired', { timer: seq }, { at: atOf(seq) }))
    if (seq === 1) await checkpointer.store()
    if (seq % 1000 === 0) for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const one of stored) expect(one.state).toBe(state)
  return stored.map(({ seq }) => seq)
}

describe('a checkpoint is stored', () => {
  test('at the start and every 20,000 events, between two turns', async () => {
    expect(await storedAfter(61_000, idle)).toEqual([1, 21_000, 41_000, 61_000])
  })

  test('more rarely where it is large, so that it is a small part of the log', async () => {
    const state = crowded(1000)
    const [, second] = await storedAfter(100_000, state)
    expect(second! * 100).toBeGreaterThan(state.length * 25)
    expect(second! * 100).toBeLessThan(state.length * 25 + 1000 * 100)
  })

  test('once a day where events are few, so that they can be deleted in time', async () => {
    const everyMinute = (seq: number) => START + seq * 60_000
    const stored = await storedAfter(4_000, idle, undefined, everyMinute)
    expect(stored).toEqual([1, 2_000, 4_000])
  })

  test('again later where it cannot be stored', async () => {
    let tries = 0
    expect(await storedAfter(41_000, idle, () => ++tries === 2)).toEqual([1, 41_000])
  })
})
