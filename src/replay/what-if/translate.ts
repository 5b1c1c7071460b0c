import { type Deciding, policyOf } from '../../config/policy.ts'
import type { Started } from '../../config/start.ts'
import type { Event, EventOf } from '../../core/events.ts'
import type { LlmSpec, Priority } from '../../core/types.ts'
import { same } from '../same.ts'
import { namesIn, renamed } from './match.ts'
import type { Known } from './side.ts'

/** A configuration as a log has it: in full form, or no more than decides. */
export interface Written extends Deciding {
  readonly queue: Deciding['queue'] & { readonly maxWaitMs?: number }
  readonly clients: readonly (Deciding['clients'][number] & { readonly priority?: Priority })[]
}

/** Translates the events of a log into those of a world with another configuration; goes along with the log. */
export interface Translation {
  /** The event as it is there; that of a start counts for those after it. */
  translated(event: Event): Event
  /** What a process says of itself there that starts; counts for what comes after it. */
  started(started: Started): Started
  /** An LLM of the log, as it was configured when the last process started. */
  known(llm: string): Known
}

/** @param first The configuration before the first start that the translation comes by. */
export function createTranslation(config: Written, first: Written): Translation {
  let recorded = first
  let names = namesIn(config.llms, recorded.llms)
  const specOf = new Map(config.llms.map((spec) => [spec.name, spec]))

  function received(event: EventOf<'request.received'>): EventOf<'request.received'> {
    const { data } = event
    const { client, priority, max_wait_ms } = data
    const own = recorded.clients.find(({ name }) => name === client)
    const other = config.clients.find(({ name }) => name === client)
    // What is as it was configured, nobody has asked for.
    const isOfQueue = max_wait_ms === recorded.queue.maxWaitMs
    const isOfClient = own?.priority === priority
    const wait = isOfQueue ? (config.queue.maxWaitMs ?? max_wait_ms) : max_wait_ms
    const rank = isOfClient ? (other?.priority ?? priority) : priority
    if (wait === max_wait_ms && rank === priority) return event
    return { ...event, data: { ...data, max_wait_ms: wait, priority: rank } }
  }
  function started(data: Started): Started {
    recorded = (data.config as Written | null) ?? recorded
    names = namesIn(config.llms, recorded.llms)
    const disabled = (data.disabled ?? []).flatMap(({ llm, because }) => {
      const name = names.get(llm)
      return name === undefined ? [] : [{ llm: name, because }]
    })
    return { ...data, config, disabled }
  }
  return {
    started,
    translated(event) {
      if (event.type === 'process.started') {
        // A start of version 1 does not say when it looked: just before.
        const recovered_at = event.data.recovered_at ?? event.at
        return { ...event, data: { ...started(event.data), recovered_at } }
      }
      if (event.type === 'request.received') return received(event)
      return renamed(event, names)
    },
    known(llm) {
      const spec = recorded.llms.find(({ name }) => name === llm)
      const other = specOf.get(names.get(llm) ?? '')
      const { name, group } = other ?? spec ?? { name: llm, group: llm }
      return { name, group, quality: spec?.quality ?? 0 }
    },
  }
}

/** An LLM of the other world. */
export function knownIn(specs: readonly LlmSpec[]): (llm: string) => Known {
  const known = new Map(specs.map((spec) => [spec.name, spec]))
  return (llm) => known.get(llm)!
}

/** Whether two configurations decide alike, whatever else they say. */
export function isSamePolicy(one: Written, other: Written): boolean {
  const waitOf = ({ queue }: Written) => queue.maxWaitMs ?? 0
  const rankOf = ({ clients }: Written) => clients.map(({ name, priority = 'normal' }) => [name, priority])
  return (
    same(policyOf(one), policyOf(other)) && waitOf(one) === waitOf(other) && same(rankOf(one), rankOf(other))
  )
}
