import { costOn, type LlmView, priceOf } from '../matching/choose.ts'
import type { Needs } from './estimate.ts'

/** What an answer has to be worth at least and may cost at most; null where nothing is asked. */
export interface Bounds {
  /** 0 to 1000. */
  readonly minQuality: number | null
  /** For the whole call, in integer nano-USD. */
  readonly maxCostNanoUsd: number | null
}

export const NO_BOUNDS: Bounds = { minQuality: null, maxCostNanoUsd: null }

/** The bounds that keep both: the higher quality, the lower price. */
export function stricter(one: Bounds, other: Bounds): Bounds {
  return {
    minQuality: least(one.minQuality, other.minQuality, Math.max),
    maxCostNanoUsd: least(one.maxCostNanoUsd, other.maxCostNanoUsd, Math.min),
  }
}

function least(
  one: number | null,
  other: number | null,
  of: (a: number, b: number) => number,
): number | null {
  if (one === null || other === null) return one ?? other
  return of(one, other)
}

/**
 * Why the bounds leave this LLM out, with its own figure and the bound; null when they do not. The price is that of
 * what the call is expected to set aside there: the input and the client's bound on the answer, or the likely answer.
 */
export function outOfBounds(
  view: Pick<LlmView, 'spec' | 'skill' | 'account'>,
  needs: Pick<Needs, 'inputTokens' | 'outputTokens' | 'choices'> & { readonly client?: string },
  { minQuality, maxCostNanoUsd }: Bounds,
): string | null {
  const { spec } = view
  if (minQuality !== null && spec.quality < minQuality)
    return `its quality ${spec.quality / 1000} does not reach min_quality ${minQuality / 1000}`
  if (maxCostNanoUsd === null) return null
  const nanoUsd = Math.ceil(priceOf(spec, costOn(view, needs)) / 1000)
  if (nanoUsd <= maxCostNanoUsd) return null
  return `it may cost ${usdText(nanoUsd)} USD, more than max_cost ${usdText(maxCostNanoUsd)} USD`
}

/** Nano-USD as dollars without an exponent and without idle zeros. */
function usdText(nanoUsd: number): string {
  const digits = String(nanoUsd).padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '')
}
