import { WHOLE } from '../core/limits/ceilings.ts'
import { isPaced } from '../core/limits/pacing.ts'
import { type ChargeRule, type Limit, type LlmSpec, PRIORITIES } from '../core/types.ts'
import { MONTH_MS } from '../core/limits/windows/calendar.ts'
import { periodWord } from './limits.ts'
import { durationText } from './units.ts'

/** `30 requests/min, 8 at once`; `none` when an LLM has no limits. */
export function limitsText(limits: readonly Limit[]): string {
  return limits.length === 0 ? 'none' : limits.map(amountText).join(', ')
}

/** A row for each limit of each LLM: what is counted, how, when, what is kept back of it, and who else uses it. */
export function limitRows(llms: readonly LlmSpec[]): string[][] {
  return llms.flatMap((llm) =>
    llm.limits.map((limit) => [
      llm.name,
      limit.name,
      amountText(limit),
      windowText(limit),
      chargeText(limit),
      [isPaced(limit) ? 'paced' : '', ceilingsText(limit), sharedText(limit, llm, llms)]
        .filter(Boolean)
        .join('; '),
    ]),
  )
}

function amountText({ unit, amount, perMs }: Limit): string {
  const count = amount.toLocaleString('en-US')
  return unit === 'concurrency'
    ? `${count} at once`
    : `${count} ${unit.replace('_', ' ')}/${periodWord(perMs)}`
}

function windowText({ unit, window, perMs, phaseMs, burst, timeZone }: Limit): string {
  if (unit === 'concurrency') return 'calls under way'
  switch (window) {
    case 'sliding':
      return `within any ${durationText(perMs)}`
    case 'fixed': {
      const begins = phaseMs === 0 ? 'on the clock' : `${durationText(phaseMs ?? 0)} after the clock`
      return phaseMs === null
        ? `a window of ${durationText(perMs)} from an unknown start, kept within any ${durationText(perMs)}`
        : `a window of ${durationText(perMs)} that begins ${begins}`
    }
    case 'bucket':
      return burst === null
        ? 'refilled all the time'
        : `refilled all the time, ${burst.toLocaleString('en-US')} at once`
    case 'calendar':
      return `anew at ${perMs === MONTH_MS ? 'the first of the month' : 'midnight'} in ${timeZone}`
    case 'universal':
      return `within any ${durationText(perMs)}, however it is counted`
  }
}

const CHARGE_WORDS: Readonly<Record<ChargeRule, string>> = {
  reserve_no_refund: 'reserved at the start, nothing given back',
  reserve_trueup: 'reserved at the start, what was not used is given back',
  actual_at_end: 'what was used, at the end',
  actual_as_produced: 'what was used, as it is produced',
  input_uncached_only: 'input that was not cached, at the start',
  unknown: 'unknown when: held until the end, then what was used',
}

function chargeText({ unit, charge }: Limit): string {
  if (unit === 'concurrency') return 'until its end'
  return unit === 'requests' ? 'on arrival' : CHARGE_WORDS[charge]
}

function ceilingsText({ ceilings = [] }: Limit): string {
  const shares = ceilings.flatMap((ceiling, rank) =>
    ceiling < WHOLE ? [`${ceiling / (WHOLE / 100)} % for ${PRIORITIES[rank]} priority`] : [],
  )
  return shares.length === 0 ? '' : `at most ${shares.join(', ')}`
}

function sharedText({ shared }: Limit, own: LlmSpec, llms: readonly LlmSpec[]): string {
  if (shared === null) return ''
  const others = llms.filter((llm) => llm !== own && llm.limits.some((limit) => limit.shared === shared))
  return others.length === 0 ? '' : `shared with ${others.map(({ name }) => name).join(', ')}`
}
