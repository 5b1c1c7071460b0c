import type { LimitReport } from '../core/events.ts'
import { createRandom } from '../core/random.ts'

/** What a provider's limit headers are worth. */
export type HeaderTruth =
  | { readonly kind: 'honest' | 'missing' }
  /** Every number is off by the same factor. */
  | { readonly kind: 'scaled'; readonly permille: number }
  /** What was true up to `byMs` ago. */
  | { readonly kind: 'stale'; readonly byMs: number }
  /** Every reset is off by up to `byMs`, to either side. */
  | { readonly kind: 'jittered'; readonly byMs: number }
  /** Resets are told as if the limit were counted in another way; windows are those of the clock. */
  | { readonly kind: 'pretended'; readonly window: 'bucket' | 'fixed' }

export interface HeaderSpec {
  readonly headers: HeaderTruth
  /** Whether a header says which period it is about. */
  readonly periods: boolean
}

/** Turns what is true at an instant into what is said. */
export type Speaker = (truth: () => LimitReport[], at: number) => LimitReport[]

export function createSpeaker({ headers, periods }: HeaderSpec): Speaker {
  let said: LimitReport[] = []
  let saidAt = Number.NEGATIVE_INFINITY
  const random = createRandom(1, 'headers')
  const spoken = (reports: LimitReport[]) =>
    periods ? reports : reports.map((report) => ({ ...report, per_ms: null }))
  return (truth, at) => {
    switch (headers.kind) {
      case 'missing':
        return []
      case 'honest':
        return spoken(truth())
      case 'scaled':
        return spoken(truth().map((report) => scaled(report, headers.permille)))
      case 'jittered':
        return spoken(
          truth().map((report) => moved(report, random.integer(2 * headers.byMs + 1) - headers.byMs)),
        )
      case 'pretended':
        return spoken(truth().map((report) => pretended(report, headers.window, at)))
      case 'stale':
        if (at - saidAt > headers.byMs) {
          said = spoken(truth())
          saidAt = at
        }
        return said
    }
  }
}

function scaled(report: LimitReport, permille: number): LimitReport {
  const times = (value: number | null) => (value === null ? null : Math.floor((value * permille) / 1000))
  return { ...report, limit: times(report.limit), remaining: times(report.remaining) }
}

function moved(report: LimitReport, byMs: number): LimitReport {
  const { reset_ms: resetMs } = report
  return { ...report, reset_ms: resetMs === null ? null : Math.max(0, resetMs + byMs) }
}

function pretended(report: LimitReport, window: 'bucket' | 'fixed', at: number): LimitReport {
  const { limit, remaining, per_ms: perMs } = report
  if (limit === null || remaining === null || perMs === null) return report
  const used = limit - remaining
  return {
    ...report,
    reset_ms: window === 'fixed' ? perMs - (at % perMs) : Math.ceil((used * perMs) / limit),
  }
}
