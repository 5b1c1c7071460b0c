import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isInput } from '../../../src/core/event-versions.ts'
import type { Event } from '../../../src/core/events.ts'
import { verify } from '../../../src/replay/verify/verify.ts'
import { logOf } from '../../support/log-of.ts'
import { drawnLog, recordedWorld } from '../worlds.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 150)

const golden = (name: string): Event[] =>
  readFileSync(join(import.meta.dirname, '../../golden', name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const LOGS = [
  golden('0.1.0-live.jsonl'),
  recordedWorld({ arrivals: [0, 0, 0, 10, 3000] }),
  ...[1, 2, 3, 5, 8, 13, 21, 34, 55, 89].map(drawnLog),
]

/** A place in one of the logs at which an event of a kind stands. */
function places(
  isMeant: (event: Event, events: readonly Event[]) => boolean,
): fc.Arbitrary<readonly [Event[], number]> {
  const all = LOGS.flatMap((events) =>
    events.flatMap((event, i) => (isMeant(event, events) ? [[events, i] as const] : [])),
  )
  return fc.constantFrom(...all)
}

const differenceIn = (events: readonly Event[]) => verify(logOf(events)).difference
const renumbered = (events: readonly Event[]) => events.map((event, i) => ({ ...event, seq: i + 1 }) as Event)
const check = (property: fc.IProperty<never>) => fc.assert(property, { numRuns })

/** The same data with one value in it changed, which one is up to `choice`. */
function altered(data: object, choice: number): object {
  const copy = structuredClone(data) as Record<string, unknown>
  const leaves: (() => void)[] = []
  const visit = (holder: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(holder)) {
      if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>)
      else leaves.push(() => (holder[key] = another(value)))
    }
  }
  visit(copy)
  leaves[choice % leaves.length]!()
  return copy
}

function another(value: unknown): unknown {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value}.`
  return value === null ? 0 : !value
}

describe('is found at the exact event:', () => {
  test('a decision of which one value was changed', () => {
    check(
      fc.property(
        places((event) => !isInput(event)),
        fc.nat(),
        ([events, i], choice) => {
          const original = events[i]!
          const forged = { ...original, data: altered(original.data, choice) } as Event
          expect(differenceIn(events.with(i, forged))).toEqual({
            ...{ seq: original.seq, kind: 'decision', message: 'the decision is another one' },
            ...{ recorded: forged, executed: original },
          })
        },
      ) as never,
    )
  })

  test('a decision that was given to another request or LLM, or made another kind', () => {
    const forgeries = fc.constantFrom<Partial<Event>>(
      { request: 'req_0_1' },
      { llm: 'L9' },
      { type: 'llm.crashed' },
    )
    check(
      fc.property(
        places((event) => !isInput(event)),
        forgeries,
        ([events, i], forgery) => {
          const forged = { ...events[i]!, ...forgery } as Event
          expect(differenceIn(events.with(i, forged))).toMatchObject({
            seq: i + 1,
            recorded: forged,
            executed: events[i],
          })
        },
      ) as never,
    )
  })

  test('an event that is missing, by the gap in the sequence', () => {
    const inside = (event: Event, events: readonly Event[]) => event.seq > 1 && event.seq < events.length
    check(
      fc.property(places(inside), ([events, i]) => {
        expect(differenceIn(events.toSpliced(i, 1))).toEqual({
          ...{ seq: i + 2, kind: 'gap', message: `event ${i + 1} is missing before it` },
          ...{ recorded: events[i + 1], executed: null },
        })
      }) as never,
    )
  })

  test('a fact that is missing, with the sequence closed behind it, by the decision it led to', () => {
    const deciding = (event: Event, events: readonly Event[]) => {
      const next = events[event.seq]
      return event.seq > 1 && isInput(event) && next !== undefined && !isInput(next)
    }
    check(
      fc.property(places(deciding), ([events, i]) => {
        const orphan = { ...events[i + 1]!, seq: i + 1 }
        expect(differenceIn(renumbered(events.toSpliced(i, 1)))).toMatchObject({
          seq: i + 1,
          recorded: orphan,
        })
      }) as never,
    )
  })

  test('a decision that is missing, with the sequence closed behind it', () => {
    check(
      fc.property(
        places((event) => !isInput(event)),
        ([events, i]) => {
          const difference = differenceIn(renumbered(events.toSpliced(i, 1)))
          expect(difference?.executed).toEqual(events[i])
          expect(difference?.seq).toBe(i + 1)
        },
      ) as never,
    )
  })

  test('two neighbours of which one is a decision, in the wrong order', () => {
    const pair = (event: Event, events: readonly Event[]) => {
      const next = events[event.seq]
      return (
        event.seq > 1 &&
        next !== undefined &&
        (!isInput(event) || !isInput(next)) &&
        next.type !== 'process.started'
      )
    }
    check(
      fc.property(places(pair), ([events, i]) => {
        const swapped = renumbered(events.with(i, events[i + 1]!).with(i + 1, events[i]!))
        expect(differenceIn(swapped)).toMatchObject({ seq: i + 1, recorded: swapped[i] })
      }) as never,
    )
  })
})

test('two facts in the wrong order are found at one of the two, whatever it is that tells their order', () => {
  const pair = (event: Event, events: readonly Event[]) => {
    const next = events[event.seq]
    if (event.seq === 1 || next === undefined || !isInput(event) || !isInput(next)) return false
    const decides = events[event.seq + 1] !== undefined && !isInput(events[event.seq + 1]!)
    return next.at > event.at || next.type === 'request.received' || decides
  }
  check(
    fc.property(places(pair), ([events, i]) => {
      const swapped = renumbered(events.with(i, events[i + 1]!).with(i + 1, events[i]!))
      expect([i + 1, i + 2]).toContain(differenceIn(swapped)?.seq)
    }) as never,
  )
})

test('a fact that led to nothing and is missing, with the sequence closed, is found by the next arrival at the latest', () => {
  const silent = (event: Event, events: readonly Event[]) => {
    const next = events[event.seq]
    const arrival = events.slice(event.seq).find(({ type }) => type === 'request.received')
    return event.seq > 1 && isInput(event) && next !== undefined && isInput(next) && arrival !== undefined
  }
  check(
    fc.property(places(silent), ([events, i]) => {
      const shortened = renumbered(events.toSpliced(i, 1))
      const arrival = shortened.slice(i).find(({ type }) => type === 'request.received')!
      const difference = differenceIn(shortened)
      expect(difference?.seq).toBeGreaterThan(i)
      expect(difference?.seq).toBeLessThanOrEqual(arrival.seq)
    }) as never,
  )
})
