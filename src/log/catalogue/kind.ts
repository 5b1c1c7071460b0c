import * as v from 'valibot'

/** What an event is about, and so which of `request` and `llm` it has. */
export type About = 'nothing' | 'request' | 'llm' | 'request and llm' | 'request, perhaps llm'

/** A type of event: what it says, and the schema of its data. */
export interface Kind {
  readonly what: string
  readonly about: About
  readonly data: v.GenericSchema & { readonly entries: v.ObjectEntries }
}

export function kind<const E extends v.ObjectEntries>(about: About, what: string, entries: E) {
  return { what, about, data: v.strictObject(entries) }
}
