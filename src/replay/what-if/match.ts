import type { Event } from '../../core/events.ts'
import type { LlmSpec } from '../../core/types.ts'
import { same } from '../same.ts'

/** Stands for an LLM of the log that another configuration does not have. */
export const NOBODY = ''

/** Whether two LLMs are one model at one provider, whatever they are called: what one took, the other would. */
export function isSameModel(one: LlmSpec, other: LlmSpec): boolean {
  return (
    one.apiType === other.apiType &&
    one.model === other.model &&
    one.baseUrl === other.baseUrl &&
    same(one.simulated, other.simulated)
  )
}

/** Whether they are also used with one key: what one used up, the other has not. */
export function isSameAccount(one: LlmSpec, other: LlmSpec): boolean {
  return isSameModel(one, other) && one.keyName === other.keyName
}

/** The names that LLMs of a log have in another configuration; those that it does not have are left out. */
export function namesIn(specs: readonly LlmSpec[], recorded: readonly LlmSpec[]): Map<string, string> {
  const free = new Set(specs)
  const names = new Map<string, string>()
  const take = (old: LlmSpec, isMeant: (spec: LlmSpec) => boolean) => {
    const found = names.has(old.name) ? undefined : [...free].find(isMeant)
    if (found === undefined) return
    free.delete(found)
    names.set(old.name, found.name)
  }
  for (const old of recorded) take(old, (spec) => spec.name === old.name && isSameAccount(old, spec))
  for (const old of recorded) take(old, (spec) => isSameAccount(old, spec))
  return names
}

/** An event as it is under the other configuration. */
export function renamed<T extends Event>(event: T, names: ReadonlyMap<string, string>): T {
  if (event.llm === null) return event
  const name = names.get(event.llm) ?? NOBODY
  return name === event.llm ? event : { ...event, llm: name }
}
