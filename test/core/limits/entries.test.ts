import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  add,
  createEntries,
  firstLeaving,
  forget,
  take,
  total,
  totalAt,
} from '../../../src/core/limits/entries.ts'

type Step =
  | { kind: 'add'; amount: number; inMs: number }
  | { kind: 'take'; which: number; share: number }
  | { kind: 'wait'; ms: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      amount: fc.integer({ min: 1, max: 9 }),
      inMs: fc.integer({ min: 1, max: 40 }),
    }),
    fc.record({ kind: fc.constant('take' as const), which: fc.nat(), share: fc.constantFrom(0.5, 1) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 15 }) }),
  ),
  { maxLength: 60 },
)

/** The same as a plain map from instants to amounts. */
function played(script: readonly Step[]) {
  const entries = createEntries()
  const plain = new Map<number, number>()
  let now = 1000
  const put = (until: number, by: number) => {
    const amount = (plain.get(until) ?? 0) + by
    if (amount === 0) plain.delete(until)
    else plain.set(until, amount)
  }
  for (const step of script) {
    if (step.kind === 'add') {
      add(entries, step.amount, now + step.inMs)
      put(now + step.inMs, step.amount)
    } else if (step.kind === 'wait') {
      now += step.ms
      forget(entries, now)
      for (const until of plain.keys()) if (until <= now) plain.delete(until)
    } else {
      const [until, amount] = [...plain][step.which % Math.max(1, plain.size)] ?? []
      if (until === undefined || amount === undefined) continue
      const by = Math.ceil(amount * step.share)
      expect(take(entries, by, until)).toBe(true)
      put(until, -by)
    }
  }
  return { entries, plain, now }
}

test('entries add up as a plain table does, now and at any instant to come', () => {
  const check = (script: Step[]) => {
    const { entries, plain, now } = played(script)
    const left = (at: number) =>
      [...plain].reduce((sum, [until, amount]) => sum + (until > at ? amount : 0), 0)
    expect(total(entries)).toBe(left(now))
    expect(entries.untils.slice(entries.head)).toEqual([...plain.keys()].toSorted((a, b) => a - b))
    for (let at = now; at < now + 45; at++) {
      expect(totalAt(entries, at)).toBe(left(at))
    }
    for (let amount = 0; amount < 30; amount++) {
      const index = firstLeaving(entries, amount)
      const instants = [now, ...entries.untils.slice(entries.head)]
      const first = instants.find((at) => left(at) <= amount)!
      expect(index < 0 ? now : entries.untils[index]).toBe(first)
    }
  }
  fc.assert(fc.property(steps, check), { numRuns: Number(process.env.LLB_TEST_RUNS ?? 200) })
})

test('what has gone cannot be taken back', () => {
  const entries = createEntries()
  add(entries, 5, 10)
  add(entries, 5, 20)
  forget(entries, 10)
  expect(take(entries, 5, 10)).toBe(false)
  expect(total(entries)).toBe(5)
})

test('the arrays are cleared of what has gone, and sums start anew', () => {
  const entries = createEntries()
  for (let i = 0; i < 100_000; i++) {
    add(entries, 1, i + 100)
    forget(entries, i)
  }
  expect(entries.untils.length).toBeLessThan(2200)
  expect(entries.sums.at(-1)).toBeLessThan(2200)
  expect(total(entries)).toBe(100)
})
