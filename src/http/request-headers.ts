import { type Bounds, NO_BOUNDS } from '../core/needs/bounds.ts'
import { nanoUsdOf, thousandthsOf } from '../core/needs/scales.ts'
import { PRIORITIES, type Priority, type Weights } from '../core/types.ts'

/** What a client asks of the balancer itself, by headers; null where it asks nothing. */
export interface Wishes {
  readonly maxWaitMs: number | null
  readonly priority: Priority | null
  readonly weights: Weights | null
  readonly bounds: Bounds
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const NO_WISHES: Wishes = { maxWaitMs: null, priority: null, weights: null, bounds: NO_BOUNDS }

/** Reads the headers `x-llb-...` of a request; a string says what is wrong with one of them. */
export function wishesOf(headers: Headers): Wishes | string {
  const wait = headers.get('x-llb-max-wait')
  const priority = headers.get('x-llb-priority')
  const weights = headers.get('x-llb-weights')
  const bounds = boundsOf(headers)
  if (typeof bounds === 'string') return bounds
  if (wait === null && priority === null && weights === null && bounds === NO_BOUNDS) return NO_WISHES
  const maxWaitMs = wait === null ? null : durationOf(wait)
  if (maxWaitMs === undefined)
    return `x-llb-max-wait is "${wait}"; it must be a duration such as 500ms, 30s or 5m.`
  if (priority !== null && !isPriority(priority)) {
    return `x-llb-priority is "${priority}"; it must be one of ${PRIORITIES.join(', ')}.`
  }
  const parsed = weights === null ? null : weightsOf(weights)
  if (parsed === undefined) {
    return `x-llb-weights is "${weights}"; it must look like cost=1,quality=0.5,speed=0, not all of them 0.`
  }
  return { maxWaitMs, priority, weights: parsed, bounds }
}

/** Reads `x-llb-min-quality` and `x-llb-max-cost`. */
function boundsOf(headers: Headers): Bounds | string {
  const quality = headers.get('x-llb-min-quality')
  const cost = headers.get('x-llb-max-cost')
  if (quality === null && cost === null) return NO_BOUNDS
  const worth = quality === null ? null : decimalOf(quality, 10)
  if (worth === undefined)
    return `x-llb-min-quality is "${quality}"; it must be a number from 0 to 1, or up to 10 on a scale of 1 to 10.`
  const usd = cost === null ? null : decimalOf(cost, MOST_USD)
  if (usd === undefined) return `x-llb-max-cost is "${cost}"; it must be an amount of USD such as 0.002.`
  return {
    minQuality: worth === null ? null : thousandthsOf(worth),
    maxCostNanoUsd: usd === null ? null : nanoUsdOf(usd),
  }
}

/** As in the configuration. */
const MOST_USD = 1_000_000

function decimalOf(text: string, most: number): number | undefined {
  const number = /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : Number.NaN
  return number <= most ? number : undefined
}

function isPriority(text: string): text is Priority {
  return (PRIORITIES as readonly string[]).includes(text)
}

/** A duration with a unit; a bare number means seconds, as in `retry-after`. */
function durationOf(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim())
  if (found === null) return undefined
  const ms = Math.round(Number(found[1]) * UNIT_MS[found[2] ?? 's']!)
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** As in the configuration; a sum of weights has to stay a number. */
const MOST_WEIGHT = 1e6

function weightsOf(text: string): Weights | undefined {
  const weights = { cost: 0, quality: 0, speed: 0 }
  for (const pair of text.split(',')) {
    const found = /^\s*(cost|quality|speed)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(pair)
    if (found === null) return undefined
    const weight = Number(found[2])
    if (weight > MOST_WEIGHT) return undefined
    weights[found[1] as keyof Weights] = weight
  }
  return weights.cost + weights.quality + weights.speed > 0 ? weights : undefined
}
