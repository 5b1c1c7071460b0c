import type { FailureClass } from '../../core/events.ts'
import type { LlmSpec } from '../../core/types.ts'
import { isSameAccount, isSameModel } from './match.ts'
import type { RecordedAttempt, RecordedRequest } from './recorded.ts'

/** Failures of a provider that have nothing to do with who asks for what. */
const OF_PROVIDER: ReadonlySet<FailureClass> = new Set([
  'unreachable',
  'timeout',
  'interrupted',
  'overloaded',
  'server_error',
  'not_found',
])

/** When a model was out of order, by its attempts in the log. */
export interface Outages {
  /**
   * The failure that a call meets which begins at `at`: that of the attempt before it, where that one and the next one
   * both failed for a reason of the provider, or where it told that the key is rejected and none went well after it.
   * Null elsewhere. O(log attempts).
   */
  failureAt(spec: LlmSpec, at: number): RecordedAttempt | null
}

export function createOutages(requests: Iterable<RecordedRequest>): Outages {
  const bySpec = new Map<LlmSpec, RecordedAttempt[]>()
  for (const { attempts } of requests)
    for (const attempt of attempts) {
      const own = bySpec.get(attempt.spec) ?? []
      bySpec.set(attempt.spec, own)
      if (attempt.outcome !== null) own.push(attempt)
    }
  const known = new Map<LlmSpec, Timeline>()

  /** The attempts at the model of an LLM, those with its key apart, in order of time. */
  function timelineOf(spec: LlmSpec): Timeline {
    const timeline = known.get(spec)
    if (timeline !== undefined) return timeline
    const those = (isMeant: (one: LlmSpec, other: LlmSpec) => boolean) =>
      [...bySpec]
        .flatMap(([one, attempts]) => (isMeant(one, spec) ? attempts : []))
        .sort((one, other) => one.at - other.at)
    const fresh = { model: those(isSameModel), account: those(isSameAccount) }
    known.set(spec, fresh)
    return fresh
  }
  return {
    failureAt(spec, at) {
      const { model, account } = timelineOf(spec)
      const next = firstAfter(model, at)
      const [before, after] = [model[next - 1], model[next]]
      if (before && after && isOutage(before) && isOutage(after)) return before
      const last = account[firstAfter(account, at) - 1]
      return last !== undefined && classOf(last) === 'unauthorized' ? last : null
    },
  }
}

interface Timeline {
  readonly model: readonly RecordedAttempt[]
  readonly account: readonly RecordedAttempt[]
}

function classOf({ outcome }: RecordedAttempt): FailureClass | null {
  return outcome?.type === 'attempt.failed' ? outcome.data.class : null
}

function isOutage(attempt: RecordedAttempt): boolean {
  const failure = classOf(attempt)
  return failure !== null && OF_PROVIDER.has(failure)
}

/** The index of the first attempt that began after `at`. */
function firstAfter(attempts: readonly RecordedAttempt[], at: number): number {
  let [from, to] = [0, attempts.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (attempts[middle]!.at <= at) from = middle + 1
    else to = middle
  }
  return from
}
