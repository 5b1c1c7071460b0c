import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/time.ts'

export { DAY_MS, HOUR_MS, MINUTE_MS }
export const SECOND_MS = 1_000

const DURATION_MS = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const
const SIZE_BYTES = {
  '': 1,
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
} as const

/** A number with its unit, such as `120s`, `1.5h` or `500ms`. */
export const DURATION = /^\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d)$/
/** A number of bytes, with a unit or without: `32MiB`, `10MB`, `4096`. */
export const SIZE = /^\d{1,15}(?:\.\d{1,6})? ?(?:[kKMG]?B|[KMG]iB)?$/

/** The milliseconds of a text that matches `DURATION`. */
export function durationMs(text: string): number {
  const { amount, unit } = split(text)
  return Math.round(amount * DURATION_MS[unit as keyof typeof DURATION_MS])
}

/** The bytes of a number, or of a text that matches `SIZE`. */
export function sizeBytes(size: string | number): number {
  if (typeof size === 'number') return size
  const { amount, unit } = split(size)
  return Math.round(amount * SIZE_BYTES[unit as keyof typeof SIZE_BYTES])
}

/** Milliseconds as a person writes them in a configuration: `90s`, `5m`, `1d`. */
export function durationText(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms > 0 && ms % DURATION_MS[unit] === 0) return `${ms / DURATION_MS[unit]}${unit}`
  }
  return `${ms}ms`
}

function split(text: string): { amount: number; unit: string } {
  const unit = text.replace(/^[\d.]+ ?/, '')
  return { amount: Number.parseFloat(text), unit }
}
