import { fromTransition } from 'xstate'
import type { Dispatcher, Ports } from '../core/dispatch-state.ts'
import { handle } from '../core/dispatcher.ts'
import type { DecisionData, DecisionType, InputEvent } from '../core/events.ts'

/** A decision of the dispatcher, emitted for the log. */
export interface DispatcherDecision {
  readonly type: DecisionType
  readonly request: string
  readonly llm: string | null
  readonly data: DecisionData[DecisionType]
}

export interface DispatcherInput extends Omit<Ports, 'decide'> {
  readonly state: Dispatcher
}

/**
 * The actor that owns the pending requests and assigns work when capacity comes back. Requests are data in its
 * state, which is changed in place: nothing else keeps a snapshot of it.
 */
export const dispatcherLogic = fromTransition<
  DispatcherInput,
  InputEvent,
  never,
  DispatcherInput,
  DispatcherDecision
>(
  (context, event, { emit }) => {
    const decide: Ports['decide'] = (type, request, llm, data) => emit({ type, request, llm, data })
    handle(context.state, { views: context.views, tell: context.tell, decide }, event)
    return context
  },
  ({ input }) => input,
)
