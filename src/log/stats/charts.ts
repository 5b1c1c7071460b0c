import type { Event } from '../../core/events.ts'
import { DAY_MS, MINUTE_MS } from '../../core/time.ts'
import { createSketch, type Sketch } from './sketch.ts'

/** The columns of a chart: equal steps of time. */
export interface ChartSpan {
  /** When the first column begins, a whole multiple of the step, in ms since 1970. */
  readonly from: number
  readonly stepMs: number
  readonly columns: number
}

export interface Charts extends ChartSpan {
  /** Requests that came, by column. */
  readonly requests: readonly number[]
  /** The 95th percentile of the waits of requests that were answered in a column, in ms. */
  readonly waitMs: readonly number[]
  /** Attempts that failed, and requests that were refused or expired, by column. */
  readonly troubles: readonly number[]
}

const STEPS_MS = [
  ...[1, 5, 15].map((seconds) => seconds * 1000),
  ...[1, 5, 15, 60, 180, 360, 720].map((minutes) => minutes * MINUTE_MS),
]

/** The columns from `from` to `to`, in the shortest step that needs at most `most` of them: 1 s to 1 d or more. */
export function chartSpan(from: number, to: number, most: number): ChartSpan {
  const columnsOf = (stepMs: number) => Math.floor(to / stepMs) - Math.floor(from / stepMs) + 1
  let stepMs = STEPS_MS.find((step) => columnsOf(step) <= most) ?? DAY_MS
  while (columnsOf(stepMs) > most) stepMs *= 2
  return { from: Math.floor(from / stepMs) * stepMs, stepMs, columns: columnsOf(stepMs) }
}

/** Counts events by column; those outside do not count. */
export function createCharts(span: ChartSpan): { take(event: Event): void; result(): Charts } {
  const { from, stepMs, columns } = span
  const requests = new Array<number>(columns).fill(0)
  const troubles = new Array<number>(columns).fill(0)
  const waits = new Map<number, Sketch>()
  const waitsOf = (column: number) => {
    const known = waits.get(column) ?? createSketch()
    waits.set(column, known)
    return known
  }
  return {
    take(event) {
      const column = Math.floor((event.at - from) / stepMs)
      if (column < 0 || column >= columns) return
      switch (event.type) {
        case 'request.received':
          requests[column]!++
          break
        case 'attempt.failed':
        case 'request.rejected':
        case 'request.expired':
          troubles[column]!++
          break
        case 'request.completed':
          waitsOf(column).add(event.data.wait_ms)
          break
      }
    },
    result: () => ({
      ...span,
      ...{ requests, troubles },
      waitMs: requests.map((_, column) => waits.get(column)?.quantile(950) ?? 0),
    }),
  }
}
