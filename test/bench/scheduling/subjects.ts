import { createBalancer } from '../../../src/actors/balancer.ts'
import type { Clock } from '../../../src/actors/clock.ts'
import { createDispatcher, type LlmMessage, type Policy } from '../../../src/core/dispatch-state.ts'
import { handle, wakeAt } from '../../../src/core/dispatcher.ts'
import type {
  EventData,
  EventOf,
  EventType,
  InputData,
  InputEvent,
  InputType,
} from '../../../src/core/events.ts'
import { step, type Wake } from '../../../src/core/llm.ts'
import { event } from '../../support/events.ts'
import { startOf, view } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

type Dispatched = EventOf<'request.dispatched'>['data']

/** Something that dispatches: the pure core alone, or the whole balancer. */
export interface Subject {
  /** A fact comes in; all decisions that follow are made when this returns. */
  ingest<T extends InputType>(type: T, data: InputData[T], request: string, llm: string | null): void
}

export type CreateSubject = (
  policy: Policy,
  clock: Clock,
  dispatched: (request: string, llm: string, data: Dispatched) => void,
) => Subject

/** Ends that no request here may come to. */
const LOST: readonly EventType[] = ['request.rejected', 'request.expired', 'request.failed']

/** The dispatcher and the LLMs of the core, joined by plain calls and timers. */
export const pureCore: CreateSubject = (policy, clock, dispatched) => {
  let seq = 0
  const state = createDispatcher(policy)
  const llms = policy.specs.map((spec) => startOf(spec, START))
  const views = llms.map(({ spec, account }) => view(spec, {}, account))
  const wakes: unknown[] = []
  let alarm: { readonly timer: unknown; readonly at: number } | null = null
  const ports = {
    views,
    tell: (i: number, message: LlmMessage) => advance(i, message),
    decide(type: EventType, request: string, llm: string | null, data: unknown) {
      if (type === 'request.dispatched') dispatched(request, llm!, data as Dispatched)
      if (LOST.includes(type)) throw new Error(`${type}: ${JSON.stringify(data)}`)
    },
  }

  function advance(i: number, message: LlmMessage | Wake): void {
    const before = llms[i]!.wakeAt
    llms[i] = step(llms[i]!, message, () => {})
    Object.assign(views[i]!, llms[i])
    if (llms[i].wakeAt === before && message.type !== 'wake') return
    clock.clearTimeout(wakes[i])
    wakes[i] = undefined
    if (!Number.isFinite(llms[i].wakeAt)) return
    wakes[i] = clock.setTimeout(() => {
      advance(i, { type: 'wake', at: clock.now() })
      ring()
    }, llms[i].wakeAt - clock.now())
  }

  function ring(): void {
    accept(event(++seq, 'timer.fired', { timer: 0 }, { at: clock.now() }) as InputEvent)
  }

  function accept(fact: InputEvent): void {
    handle(state, ports, fact)
    const at = wakeAt(state)
    if (alarm?.at === at) return
    if (alarm !== null) clock.clearTimeout(alarm.timer)
    alarm = Number.isFinite(at) ? { at, timer: clock.setTimeout(rang, Math.max(0, at - clock.now())) } : null
  }

  function rang(): void {
    alarm = null
    ring()
  }

  return {
    ingest(type, data, request, llm) {
      accept(
        event(++seq, type, data as EventData[typeof type], { at: clock.now(), request, llm }) as InputEvent,
      )
    },
  }
}

/** The same through the actors, with every event stamped, and dropped. */
export const wholeBalancer: CreateSubject = (policy, clock, dispatched) => {
  const balancer = createBalancer(
    {
      policy,
      llms: policy.specs.map((spec) => startOf(spec, START)),
      clock,
      lastSeq: 0,
      record({ type, request, llm, data }) {
        if (type === 'request.dispatched') dispatched(request!, llm!, data as Dispatched)
        if (LOST.includes(type)) throw new Error(`${type}: ${JSON.stringify(data)}`)
      },
      fatal(message) {
        throw new Error(message)
      },
    },
    'bench_',
  )
  return {
    ingest: (type, data, request, llm) => void balancer.ingest(type, data, request, llm),
  }
}
