import { createActor } from 'xstate'
import { asFold } from '../core/as-fold.ts'
import { siblingsOf } from '../core/limits/account.ts'
import type { LlmView } from '../core/matching/choose.ts'
import type { Fold } from '../core/fold.ts'
import type { Hours } from '../core/limits/hours.ts'
import {
  createDispatcher,
  type Dispatcher,
  type LlmMessage,
  type Policy,
  type Ports,
} from '../core/dispatch-state.ts'
import { wakeAt } from '../core/dispatcher.ts'
import { EVENT_VERSIONS } from '../core/event-versions.ts'
import type {
  DecisionData,
  DecisionType,
  Event,
  EventData,
  EventType,
  InputData,
  InputEvent,
  InputType,
} from '../core/events.ts'
import type { Llm } from '../core/llm.ts'
import { type Clock, numberedClock } from './clock.ts'
import type { DispatcherRef } from './dispatcher.ts'
import { type Cell, type LlmRef, tell } from './llm.ts'
import { llmId, rootMachine } from './root.ts'

export interface BalancerOptions {
  readonly policy: Policy
  /** The LLMs as they start: fresh, or with what the log knows of them. */
  readonly llms: readonly Llm[]
  /** When requests came, as far as the log tells; nothing where it is left out. */
  readonly hours?: Hours
  readonly clock: Clock
  /** `seq` of the last event in the log, 0 when there is none. */
  readonly lastSeq: number
  /** Receives every event in order, stamped. */
  record(event: Event): void
  /** A bug took the dispatcher down; the process cannot go on. */
  fatal(message: string): void
}

/** The actor system behind one door. */
export interface Balancer {
  /** The one place where facts enter: stamps the fact, records it and every decision it leads to. */
  ingest<T extends InputType>(
    type: T,
    data: InputData[T],
    request?: string | null,
    llm?: string | null,
  ): Event
  /** The id that the next fact's request will have if it is a new one. */
  nextRequestId(): string
  /** Records a decision that was taken outside the actors, such as the state found at the start. */
  decide<T extends DecisionType>(
    type: T,
    data: DecisionData[T],
    request?: string | null,
    llm?: string | null,
  ): void
  readonly state: Dispatcher
  /** Whether a request has come in and not ended yet. */
  owns(request: string): boolean
  readonly views: readonly LlmView[]
  /** The state as the fold of all events so far; to be looked at before the next fact enters. */
  folded(): Fold
  stop(): void
}

export function createBalancer(options: BalancerOptions, idPrefix: string): Balancer {
  const { policy, llms, clock, record } = options
  let seq = options.lastSeq
  let at = clock.now()
  const write = <T extends EventType>(
    type: T,
    request: string | null,
    llm: string | null,
    data: EventData[T],
  ): Event => {
    const event = { seq: ++seq, at, type, v: EVENT_VERSIONS[type], request, llm, data } as Event
    record(event)
    return event
  }

  const numbered = numberedClock(clock, (timer, run) => {
    at = clock.now()
    const event = write('timer.fired', null, null, { timer })
    run()
    deliver(event as InputEvent)
  })

  const refs: LlmRef[] = []
  const views = llms.map((llm) => new View(llm))
  const siblings = siblingsOf(policy.specs)
  const ports: Ports = {
    views,
    tell(i, message) {
      tell(refs[i]!, message)
      if (!CHANGES_LEDGERS.has(message.type)) return
      for (const sibling of siblings[i]!) tell(refs[sibling]!, { type: 'refresh', at: message.at })
    },
    decide: (type, request, llm, data) => void write(type, request, llm, data as EventData[typeof type]),
  }
  const state = createDispatcher(policy, options.hours)
  const root = createActor(rootMachine, {
    clock: numbered,
    input: { llms, dispatcher: { state, ports } },
  })
  root.subscribe({ error: (error) => options.fatal(String(error)) })
  root.on('dispatcher.crashed', ({ message }) => options.fatal(message))
  root.on('llm.crashed', ({ llm, message }) => {
    write('llm.crashed', null, llm, { message })
    attach(llms.findIndex(({ spec }) => spec.name === llm))
  })
  root.start()
  for (const i of llms.keys()) attach(i)
  const dispatcher = root.system.get('dispatcher') as DispatcherRef

  function attach(i: number): void {
    const { name } = llms[i]!.spec
    const ref = root.system.get(llmId(name)) as LlmRef
    ref.on('*', (decision) => {
      write(decision.type, null, name, decision.data)
    })
    refs[i] = ref
    views[i]!.cell = ref.getSnapshot().context
  }

  const alarm = createAlarm(numbered)
  function deliver(event: InputEvent): void {
    if (event.type === 'process.stopping') root.send(event)
    else dispatcher.send(event)
    alarm(wakeAt(state), at)
  }

  return {
    state,
    views,
    owns: (request) => state.running.has(request) || state.queue.byId.has(request),
    nextRequestId: () => `req_${idPrefix}${(seq + 1).toString(36)}`,
    ingest(type, data, request = null, llm = null) {
      at = clock.now()
      const event = write(type, request, llm, data as EventData[typeof type])
      deliver(event as InputEvent)
      return event
    },
    decide(type, data, request = null, llm = null) {
      write(type, request, llm, data as EventData[typeof type])
    },
    folded: () => asFold(state, views.map(llmOf)),
    stop() {
      alarm(Number.POSITIVE_INFINITY, at)
      root.send({ type: 'stop' })
      root.stop()
    },
  }
}

const llmOf = ({ cell }: View) => cell.llm

/** After these, an LLM that shares a limit may have more or less room. */
const CHANGES_LEDGERS: ReadonlySet<LlmMessage['type']> = new Set(['reserve', 'settle', 'report', 'fail'])

/** One timer, moved as often as needed; Infinity switches it off. What it sets off is up to the clock. */
function createAlarm(clock: Clock): (wakeAt: number, now: number) => void {
  let armed: { readonly timer: unknown; readonly at: number } | null = null
  const rang = () => {
    armed = null
  }
  return (wakeAt, now) => {
    if (wakeAt === (armed?.at ?? Number.POSITIVE_INFINITY)) return
    if (armed !== null) clock.clearTimeout(armed.timer)
    armed = null
    if (!Number.isFinite(wakeAt)) return
    armed = { timer: clock.setTimeout(rang, Math.max(0, wakeAt - now)), at: wakeAt }
  }
}

/** What the dispatcher sees of an LLM: always the latest state of the actor that it is attached to. */
class View implements LlmView {
  readonly spec: LlmView['spec']
  readonly account: LlmView['account']
  cell: Cell

  constructor(llm: Llm) {
    this.spec = llm.spec
    this.account = llm.account
    this.cell = { llm }
  }
  get status() {
    return this.cell.llm.status
  }
  get because() {
    return this.cell.llm.because
  }
  get reachable() {
    const { status, cause } = this.cell.llm
    return status !== 'disabled' && !(status === 'cooling' && cause === 'unreachable')
  }
  get wakeAt() {
    return this.cell.llm.wakeAt
  }
  get wanted() {
    return this.cell.llm.wanted
  }
  get skill() {
    return this.cell.llm.skill
  }
}
