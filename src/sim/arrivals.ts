import type { Random } from '../core/random.ts'
import type { Priority } from '../core/types.ts'
import { chance, drawFrom, exponential, type Spread } from './draw.ts'
import { HOUR_MS } from '../core/time.ts'

/** When requests come. Rates are per hour. */
export type Pattern =
  /** All at once, and again after every `everyMs`; null is once only. */
  | {
      readonly kind: 'burst'
      readonly requests: number
      readonly atMs: number
      readonly everyMs: number | null
    }
  /** At equal distances. */
  | { readonly kind: 'steady'; readonly perHour: number }
  /** Each independent of the others (a Poisson process). */
  | { readonly kind: 'random'; readonly perHour: number }
  /** Random while on, nothing while off, beginning with on. */
  | { readonly kind: 'on_off'; readonly perHour: number; readonly onMs: number; readonly offMs: number }
  /** Random at a rate of its own in each hour, over and over. */
  | { readonly kind: 'profile'; readonly perHour: readonly number[] }

/** A kind of request that somebody sends again and again. */
export interface Source {
  readonly pattern: Pattern
  readonly client: string
  readonly model: string
  readonly priority: Priority
  readonly stream: boolean
  readonly maxWaitMs: number
  /** Tokens as they are estimated here. */
  readonly inputTokens: Spread
  /** Tokens of the answer, when nothing bounds it. */
  readonly answerTokens: Spread
  /** The bound that the client sets: a number, null for none, or `exact` for just what the answer takes. */
  readonly bound: number | null | 'exact'
  /** Share of the input, in thousandths, that the provider has in its cache. */
  readonly cachedPermille: number
  /** Share of the clients, in thousandths, that leave, and after how long. */
  readonly leaving: { readonly permille: number; readonly afterMs: Spread } | null
}

/** One request as it reaches the balancer. */
export interface Arrival {
  /** ms since 1970 */
  readonly at: number
  readonly client: string
  readonly model: string
  readonly priority: Priority
  readonly stream: boolean
  readonly maxWaitMs: number
  readonly inputTokens: number
  readonly cachedTokens: number
  readonly boundTokens: number | null
  readonly answerTokens: number
  readonly leavesAfterMs: number | null
}

/** The requests of all sources from `start` until before `end` (ms since 1970), in order; drawn one by one. */
export function* arrivalsOf(
  sources: readonly Source[],
  random: Random,
  start: number,
  end: number,
): Generator<Arrival, void> {
  const streams = sources.map((source, i) => {
    const own = random.fork(`source ${i}`)
    return { source, random: own.fork('size'), times: timesOf(source.pattern, own.fork('time'), end - start) }
  })
  const next = streams.map(({ times }) => times.next())
  for (;;) {
    let first = -1
    for (const [i, { done, value }] of next.entries())
      if (!done && (first < 0 || value < next[first]!.value!)) first = i
    if (first < 0) return
    const { source, random: own, times } = streams[first]!
    yield arrivalOf(source, own, start + next[first]!.value!)
    next[first] = times.next()
  }
}

function arrivalOf(source: Source, random: Random, at: number): Arrival {
  const { client, model, priority, stream, maxWaitMs, bound, leaving } = source
  const inputTokens = Math.max(1, drawFrom(source.inputTokens, random))
  const answerTokens = drawFrom(source.answerTokens, random)
  const leaves = leaving !== null && chance(leaving.permille, random)
  return {
    at,
    client,
    model,
    priority,
    stream,
    maxWaitMs,
    inputTokens,
    cachedTokens: Math.floor((inputTokens * source.cachedPermille) / 1000),
    boundTokens: bound === 'exact' ? answerTokens : bound,
    answerTokens: typeof bound === 'number' ? Math.min(answerTokens, bound) : answerTokens,
    leavesAfterMs: leaves ? drawFrom(leaving.afterMs, random) : null,
  }
}

/** Times since the beginning, in ms, below `endMs`. */
function* timesOf(pattern: Pattern, random: Random, endMs: number): Generator<number, void> {
  switch (pattern.kind) {
    case 'burst':
      for (let at = pattern.atMs; at < endMs; at += pattern.everyMs ?? endMs)
        for (let i = 0; i < pattern.requests; i++) yield at
      return
    case 'steady':
      for (let i = 0; ; i++) {
        const at = Math.floor((i * HOUR_MS) / pattern.perHour)
        if (at >= endMs) return
        yield at
      }
    case 'random':
      return yield* randomTimes(pattern.perHour, random, endMs)
    case 'on_off': {
      const { onMs, offMs, perHour } = pattern
      // Time runs on only while it is on.
      for (const at of randomTimes(perHour, random, onTimeMs(endMs, onMs, offMs)))
        yield Math.floor(at / onMs) * (onMs + offMs) + (at % onMs)
      return
    }
    case 'profile': {
      const most = pattern.perHour.reduce((a, b) => Math.max(a, b), 0)
      if (most === 0) return
      for (const at of randomTimes(most, random, endMs)) {
        const rate = pattern.perHour[Math.floor(at / HOUR_MS) % pattern.perHour.length]!
        if (random.next() * most < rate) yield at
      }
    }
  }
}

function* randomTimes(perHour: number, random: Random, endMs: number): Generator<number, void> {
  for (let at = 0; ; ) {
    at += (exponential(random) * HOUR_MS) / perHour
    if (at >= endMs) return
    yield Math.floor(at)
  }
}

/** How much of the first `endMs` is on. */
function onTimeMs(endMs: number, onMs: number, offMs: number): number {
  const rounds = Math.floor(endMs / (onMs + offMs))
  return rounds * onMs + Math.min(onMs, endMs - rounds * (onMs + offMs))
}
