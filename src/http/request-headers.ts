import { PRIORITIES, type Priority, type Weights } from '../core/types.ts'

/** What a client asks of the balancer itself, by headers; null where it asks nothing. */
export interface Wishes {
  readonly maxWaitMs: number | null
  readonly priority: Priority | null
  readonly weights: Weights | null
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const NO_WISHES: Wishes = { maxWaitMs: null, priority: null, weights: null }

/** Reads `x-llb-max-wait`, `x-llb-priority` and `x-llb-weights`; a string says what is wrong with one of them. */
export function wishesOf(headers: Headers): Wishes | string {
  const wait = headers.get('x-llb-max-wait')
  const priority = headers.get('x-llb-priority')
  const weights = headers.get('x-llb-weights')
  if (wait === null && priority === null && weights === null) return NO_WISHES
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
  return { maxWaitMs, priority, weights: parsed }
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
