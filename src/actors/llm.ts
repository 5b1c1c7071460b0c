import { type ActorRefFrom, enqueueActions, setup } from 'xstate'
import type { LlmMessage } from '../core/dispatch-state.ts'
import { type Llm, type LlmDecision, type LlmStatus, step, type Wake } from '../core/llm.ts'

/** The LLM behind an actor; replaced at every message. An actor keeps its cell for life. */
export interface Cell {
  llm: Llm
}

/** A bug met while a message was taken in; the actor fails of it. */
type Bug = { type: 'bug'; error: unknown }

/** What a message changed beyond the ledgers. */
type Moved = {
  type: 'moved'
  to: LlmStatus
  decisions: readonly LlmDecision[]
  wakeAt: number
  at: number
}

const leadsTo =
  (to: LlmStatus) =>
  ({ event }: { event: { type: string } }) =>
    (event as Moved).to === to

/**
 * One LLM as a statechart. The arithmetic is `step`; the chart holds which state the LLM is in and the timer that
 * ends it: the refill timer of `exhausted`, set to the exact instant room returns, and the end of `cooling`.
 */
const chart = setup({
  types: {} as { context: Cell; events: Wake | Moved | Bug; input: Llm; emitted: LlmDecision },
  actions: {
    /** A pause that a provider asked for outlives the process it was told to. */
    resume: enqueueActions(({ context, enqueue }) => {
      const { wakeAt: at, since } = context.llm
      enqueue.raise({ type: 'wake', at }, { id: 'wake', delay: Math.max(0, at - since) })
    }),
    follow: enqueueActions(({ event, enqueue }) => {
      if (event.type !== 'moved') return
      for (const decision of event.decisions) enqueue.emit(decision)
      enqueue.cancel('wake')
      const { wakeAt: at } = event
      if (!Number.isFinite(at)) return
      enqueue.raise({ type: 'wake', at }, { id: 'wake', delay: Math.max(0, at - event.at) })
    }),
  },
  guards: {
    startsDisabled: ({ context }) => context.llm.status === 'disabled',
    startsCooling: ({ context }) => context.llm.status === 'cooling',
    leadsToAvailable: leadsTo('available'),
    leadsToExhausted: leadsTo('exhausted'),
    leadsToCooling: leadsTo('cooling'),
    leadsToDisabled: leadsTo('disabled'),
  },
}).createMachine({
  context: ({ input }) => ({ llm: input }),
  initial: 'starting',
  on: {
    moved: [
      { guard: 'leadsToAvailable', target: '.available', actions: 'follow' },
      { guard: 'leadsToExhausted', target: '.exhausted', actions: 'follow' },
      { guard: 'leadsToCooling', target: '.cooling', actions: 'follow' },
      { guard: 'leadsToDisabled', target: '.disabled', actions: 'follow' },
    ],
  },
  states: {
    starting: {
      always: [
        { guard: 'startsDisabled', target: 'disabled' },
        { guard: 'startsCooling', target: 'cooling', actions: 'resume' },
        { target: 'available' },
      ],
    },
    available: {},
    exhausted: {},
    cooling: {},
    disabled: {},
  },
})

const NOTHING: readonly LlmDecision[] = []

/** Runs a message on the LLM in the cell; null when it changed nothing but ledgers and measurements. */
function advance(cell: Cell, message: LlmMessage | Wake): Moved | null {
  const before = cell.llm
  let decisions = NOTHING
  cell.llm = step(before, message, (decision) => {
    decisions = [...decisions, decision]
  })
  const { status, wakeAt } = cell.llm
  if (decisions.length === 0 && wakeAt === before.wakeAt) return null
  return { type: 'moved', to: status, decisions, wakeAt, at: message.at }
}

/**
 * The logic of an LLM actor: the chart, with `step` before it for the timer. What a message does to the LLM has
 * happened before its actor hears of it, see {@link tell}.
 */
export const llmMachine: typeof chart = Object.assign(Object.create(chart) as typeof chart, {
  transition(snapshot, event, scope) {
    if (event.type === 'bug') throw event.error
    if (event.type !== 'wake') return chart.transition(snapshot, event, scope)
    const moved = advance(snapshot.context, event)
    return moved === null ? snapshot : chart.transition(snapshot, moved, scope)
  },
} satisfies Partial<typeof chart>)

export type LlmRef = ActorRefFrom<typeof llmMachine>

/**
 * Tells an LLM something; it has taken effect on return.
 *
 * Hint: most messages change ledgers alone. They never reach the actor's mailbox and chart, where each would cost
 * far more than all that it is about; only a move does, and a bug, of which the actor crashes.
 */
export function tell(ref: LlmRef, message: LlmMessage): void {
  let moved: Moved | null
  try {
    moved = advance(ref.getSnapshot().context, message)
  } catch (error) {
    return ref.send({ type: 'bug', error })
  }
  if (moved !== null) ref.send(moved)
}
