/** How long each limit left its LLM without room while requests waited. */
export interface Bound {
  /** Time has come to `at`, in ms since 1970; to be called before anything that happens then. */
  reach(at: number): void
  /** One more request waits, or with -1 one less. */
  wait(by: number): void
  /** An LLM has no room because of a limit, or again has some, or none for another reason. */
  exhaust(llm: string, limit: string): void
  release(llm: string): void
  /** Nothing is known of any LLM, as at the start of a process. */
  forget(): void
  /** Counts from now on alone. */
  begin(): void
  /** By LLM and limit, in ms. */
  result(): BoundBy[]
}

export interface BoundBy {
  readonly llm: string
  readonly limit: string
  readonly ms: number
}

/** O(1) an event: a clock goes only while requests wait, and each LLM without room notes what it showed. */
export function createBound(): Bound {
  const exhausted = new Map<string, { limit: string; since: number }>()
  const bound = new Map<string, BoundBy>()
  let [waiting, waited, now] = [0, 0, 0]

  function count(llm: string): void {
    const one = exhausted.get(llm)
    if (one === undefined || one.since === waited) return
    const key = `${llm} ${one.limit}`
    const ms = (bound.get(key)?.ms ?? 0) + waited - one.since
    bound.set(key, { llm, limit: one.limit, ms })
    one.since = waited
  }
  return {
    reach(at) {
      if (waiting > 0) waited += at - now
      now = at
    },
    wait(by) {
      waiting += by
    },
    exhaust(llm, limit) {
      count(llm)
      exhausted.set(llm, { limit, since: waited })
    },
    release(llm) {
      count(llm)
      exhausted.delete(llm)
    },
    forget() {
      for (const llm of exhausted.keys()) count(llm)
      exhausted.clear()
    },
    begin() {
      for (const one of exhausted.values()) one.since = waited
      bound.clear()
    },
    result() {
      for (const llm of exhausted.keys()) count(llm)
      return [...bound.values()]
    },
  }
}
