import { type Event, type EventOf, isTerminal } from '../../core/events.ts'
import { mayHaveBooked } from '../../core/cooling.ts'
import { type Cost, costOf } from '../../core/limits/account.ts'
import { NONE } from './groups.ts'

/** A request that has not ended, or ends with the event at hand. */
export interface OpenRequest {
  /** These are {@link NONE} where its arrival is not in what was read. */
  readonly client: string
  readonly model: string
  isWaiting: boolean
  /** The LLMs it was put to, each once. */
  readonly tried: string[]
  /** That of its last attempt, until it is back in the queue. */
  llm: string | null
  /** What is set aside for the attempt under way; null when there is none. */
  reserved: Cost | null
}

/** Told of what the requests do, as it happens. */
export interface RequestWatch {
  waits(by: 1 | -1): void
  began(llm: string, at: number): void
  ended(llm: string, cost: Cost, reserved: Cost, at: number): void
}

export interface OpenRequests {
  /** Takes in an event; gives the request it is about, as it is then. Null where nothing but its end is seen. */
  take(event: Event): OpenRequest | null
  /** A process has begun: whatever ran in the one before was cut off, at `at` at the latest. */
  cut(at: number): void
  /** The attempts under way, by LLM. */
  running(): string[]
}

const NOTHING: Cost = { inputTokens: 0, outputTokens: 0 }

/** Follows every request from its arrival to its end. O(1) an event, memory by request that has not ended. */
export function createOpenRequests(watch: RequestWatch): OpenRequests {
  const all = new Map<string, OpenRequest>()

  function wait(request: OpenRequest, isWaiting: boolean): void {
    if (request.isWaiting === isWaiting) return
    request.isWaiting = isWaiting
    watch.waits(isWaiting ? 1 : -1)
  }
  function begin(request: OpenRequest, { at, llm, data }: EventOf<'request.dispatched'>): void {
    const { input_tokens: inputTokens, output_tokens: outputTokens } = data.reserved
    wait(request, false)
    request.llm = llm
    request.reserved = { inputTokens, outputTokens }
    watch.began(llm!, at)
  }
  /** Ends the attempt under way, if there is one; `cost` is null where only what was set aside is known. */
  function settle(request: OpenRequest, cost: Cost | null, at: number): void {
    const { llm, reserved } = request
    if (reserved === null) return
    request.reserved = null
    watch.ended(llm!, cost ?? reserved, reserved, at)
  }
  function advance(request: OpenRequest, event: Event): void {
    switch (event.type) {
      case 'request.queued':
        wait(request, true)
        break
      case 'request.retried':
        request.llm = null
        wait(request, true)
        break
      case 'request.dispatched':
        begin(request, event)
        break
      case 'attempt.finished':
        settle(request, event.data.usage && costOf(event.data.usage), event.at)
        break
      case 'attempt.failed':
        settle(request, mayHaveBooked(event.data) ? null : NOTHING, event.at)
        break
    }
  }
  return {
    take(event) {
      const { request: id, type } = event
      if (id === null) return null
      const isEnd = isTerminal(type)
      const known = all.get(id)
      if (known === undefined && isEnd) return null
      const request = known ?? openOf(event)
      if (known === undefined) all.set(id, request)
      advance(request, event)
      if (!isEnd) return request
      wait(request, false)
      settle(request, null, event.at)
      all.delete(id)
      return request
    },
    cut(at) {
      for (const request of all.values()) {
        wait(request, false)
        settle(request, null, at)
      }
    },
    running: () =>
      [...all.values()].filter(({ reserved }) => reserved !== null).map(({ llm }) => llm ?? NONE),
  }
}

/** A request as it is when it is first seen. */
function openOf(event: Event): OpenRequest {
  const { client, model } = event.type === 'request.received' ? event.data : { client: NONE, model: NONE }
  return { client, model, isWaiting: false, tried: [], llm: null, reserved: null }
}
