import type { Limit } from '../core/types.ts'
import { MONTH_MS } from '../core/limits/windows/calendar.ts'
import { fullLimit } from './limits.ts'
import type { RawLimit, RawLlm } from './llm-schema.ts'
import type { Finding } from './problems.ts'
import { DAY_MS, durationText } from './units.ts'

/** What is wrong with one entry of `limits`; paths begin within the LLM. */
export function checkLimit(llm: RawLlm, raw: RawLimit, index: number): Finding[] {
  const at = (key: keyof RawLimit, message: string): Finding => ({ path: ['limits', index, key], message })
  if (raw.unit === 'concurrency') {
    const misplaced = PERIODIC.filter((key) => raw[key] !== undefined)
    return misplaced.map((key) =>
      at(key, key === 'per' ? 'concurrency has no period' : 'concurrency has none'),
    )
  }
  if (raw.per === undefined) return [at('per', `is required for ${raw.unit}`)]
  const limit = fullLimit(llm, raw)
  return [
    ...checkCalendar(limit, raw, at),
    ...checkKind(limit, raw, at),
    ...checkQuantum(raw, at),
    ...checkCharge(raw, at),
    ...checkPace(limit, raw, at),
  ]
}

type At = (key: keyof RawLimit, message: string) => Finding

/** What only makes sense where something is counted over time. */
const PERIODIC = [
  'per',
  'window',
  'time_zone',
  'phase',
  'burst',
  'quantum',
  'charge',
  'jitter_guard',
  'pace',
] as const

function checkCalendar({ window, perMs, timeZone }: Limit, raw: RawLimit, at: At): Finding[] {
  if (window !== 'calendar') {
    return raw.time_zone === undefined ? [] : [at('time_zone', 'belongs to calendar windows only')]
  }
  if (perMs !== DAY_MS && perMs !== MONTH_MS) return [at('per', 'a calendar window lasts 1d or 1mo')]
  if (timeZone === null) {
    return [at('time_zone', 'is required for a calendar window, such as "America/Los_Angeles"')]
  }
  return isTimeZone(timeZone) ? [] : [at('time_zone', `"${timeZone}" is no IANA time zone`)]
}

function checkKind({ window, amount }: Limit, { phase, burst }: RawLimit, at: At): Finding[] {
  const findings: Finding[] = []
  if (phase !== undefined && window !== 'fixed') findings.push(at('phase', 'belongs to fixed windows only'))
  if (burst === undefined) return findings
  if (window !== 'bucket') findings.push(at('burst', 'belongs to bucket windows only'))
  else if (burst > amount) findings.push(at('burst', `is more than the amount, ${amount}`))
  return findings
}

function checkQuantum({ amount, per, quantum }: RawLimit, at: At): Finding[] {
  if (quantum === undefined) return []
  if (quantum >= per!) return [at('quantum', `is no part of the period, ${durationText(per!)}`)]
  if (Math.floor((amount * quantum) / per!) > 0) return []
  return [at('quantum', `${amount} in ${durationText(per!)} is less than 1 in ${durationText(quantum)}`)]
}

function checkCharge({ unit, charge }: RawLimit, at: At): Finding[] {
  if (charge === undefined) return []
  if (unit === 'requests')
    return [at('charge', 'belongs to limits of tokens; requests count when they arrive')]
  const ignoresOutput = charge === 'input_uncached_only' && unit === 'output_tokens'
  return ignoresOutput ? [at('charge', 'input_uncached_only says nothing of output tokens')] : []
}

function checkPace({ window, perMs }: Limit, { pace }: RawLimit, at: At): Finding[] {
  if (pace !== true) return []
  if (perMs < DAY_MS) return [at('pace', 'belongs to limits of a day or longer')]
  return window === 'bucket' ? [at('pace', 'a bucket refills all the time and needs none')] : []
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
