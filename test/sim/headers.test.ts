import { describe, expect, test } from 'vitest'
import type { LimitReport } from '../../src/core/events.ts'
import { createSpeaker, type HeaderTruth } from '../../src/sim/headers.ts'

const TRUE: LimitReport = { unit: 'requests', per_ms: 10_000, limit: 100, remaining: 60, reset_ms: 5_000 }
const speakerOf = (headers: HeaderTruth, periods = true) => createSpeaker({ headers, periods })
const said = (headers: HeaderTruth, at = 0) => speakerOf(headers)(() => [TRUE], at)[0]

describe('headers', () => {
  test('that are honest tell what is true, with or without its period', () => {
    expect(said({ kind: 'honest' })).toEqual(TRUE)
    expect(speakerOf({ kind: 'honest' }, false)(() => [TRUE], 0)).toEqual([{ ...TRUE, per_ms: null }])
  })

  test('that are jittered are off by no more than they may be, to both sides', () => {
    const speak = speakerOf({ kind: 'jittered', byMs: 300 })
    const offs = Array.from({ length: 200 }, () => speak(() => [TRUE], 0)[0]!.reset_ms! - 5_000)
    expect(Math.max(...offs.map(Math.abs))).toBeLessThanOrEqual(300)
    expect(Math.min(...offs)).toBeLessThan(-200)
    expect(Math.max(...offs)).toBeGreaterThan(200)
  })

  test('that pretend tell the reset of another kind', () => {
    expect(said({ kind: 'pretended', window: 'bucket' })).toEqual({ ...TRUE, reset_ms: 4_000 })
    expect(said({ kind: 'pretended', window: 'fixed' }, 23_000)).toEqual({ ...TRUE, reset_ms: 7_000 })
  })
})
