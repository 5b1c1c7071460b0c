import type { LimitReport } from '../core/events.ts'

/** What a provider's limit headers are worth. */
export type HeaderTruth =
  | { readonly kind: 'honest' | 'missing' }
  /** Every number is off by the same factor. */
  | { readonly kind: 'scaled'; readonly permille: number }
  /** What was true up to `byMs` ago. */
  | { readonly kind: 'stale'; readonly byMs: number }

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
