import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createVirtualClock, START } from '../../src/sim/clock.ts'

type Step = { ms: number } | { clear: number } | { run: true }

const steps = fc.array(
  fc.oneof(
    fc.record({ ms: fc.integer({ min: -2, max: 20 }) }),
    fc.record({ clear: fc.nat({ max: 30 }) }),
    fc.constant({ run: true as const }),
  ),
  { maxLength: 80 },
)

/** What a clock does that keeps its timers in a list and looks through all of it. */
function naive(script: readonly Step[]): string[] {
  const told: string[] = []
  let now = 0
  let timers: { due: number; ordinal: number }[] = []
  let armed = 0
  for (const step of script) {
    if ('ms' in step) timers.push({ due: now + Math.max(0, step.ms), ordinal: armed++ })
    else if ('clear' in step) timers = timers.filter(({ ordinal }) => ordinal !== step.clear)
    else {
      const next = timers.toSorted((a, b) => a.due - b.due || a.ordinal - b.ordinal)[0]
      if (next === undefined) continue
      timers = timers.filter((timer) => timer !== next)
      now = next.due
      told.push(`${next.ordinal} at ${now}, ${timers.length} left`)
    }
  }
  return told
}

function virtual(script: readonly Step[]): string[] {
  const told: string[] = []
  const clock = createVirtualClock(0)
  const timers: unknown[] = []
  for (const step of script) {
    if ('ms' in step) {
      const ordinal = timers.length
      const fire = () => told.push(`${ordinal} at ${clock.now()}, ${clock.armed()} left`)
      timers.push(clock.setTimeout(fire, step.ms))
    } else if ('clear' in step) clock.clearTimeout(timers[step.clear])
    else clock.runNext()
  }
  return told
}

test('timers fire by their instant, then in the order of arming, and never once cleared', () => {
  fc.assert(
    fc.property(steps, (script) => void expect(virtual(script)).toEqual(naive(script))),
    { numRuns: 500 },
  )
})

test('running until an instant fires each timer at its own and stops there', () => {
  const clock = createVirtualClock()
  const fired: number[] = []
  for (const ms of [30, 10, 20])
    clock.setTimeout(() => {
      fired.push(clock.now() - START)
      if (ms === 10) clock.setTimeout(() => fired.push(clock.now() - START), 5)
    }, ms)
  expect(clock.nextAt()).toBe(START + 10)
  clock.advance(20)
  expect(fired).toEqual([10, 15, 20])
  expect([clock.now(), clock.armed()]).toEqual([START + 20, 1])
  clock.advance(50)
  expect([clock.now(), clock.nextAt(), clock.runNext()]).toEqual([
    START + 70,
    Number.POSITIVE_INFINITY,
    false,
  ])
})

test('setting and clearing stay cheap however many timers are armed', () => {
  const cpuMs = (armed: number) => {
    const clock = createVirtualClock()
    const before = process.cpuUsage()
    const timers = Array.from({ length: armed }, (_, i) => clock.setTimeout(() => {}, (i * 7919) % 100_003))
    for (const timer of timers.filter((_, i) => i % 2 === 0)) clock.clearTimeout(timer)
    while (clock.runNext());
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const least = (armed: number) => Math.min(...[1, 2, 3].map(() => cpuMs(armed)))
  least(1000)
  // Sixteen times as many; a list that is searched would take 256 times as long.
  expect(least(80_000) / least(5_000)).toBeLessThan(80)
})
