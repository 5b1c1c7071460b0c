import { type ActorRefFrom, fromTransition } from 'xstate'
import type { Dispatcher, Ports } from '../core/dispatch-state.ts'
import { handle } from '../core/dispatcher.ts'
import type { InputEvent } from '../core/events.ts'

export interface DispatcherInput {
  readonly state: Dispatcher
  /** Decisions leave through a port of their own, in order: it is cheaper than an emitted event. */
  readonly ports: Ports
}

/** Hint: only its shape is used, because its transition would copy the snapshot at every event. */
const logic = fromTransition<DispatcherInput, InputEvent, never, DispatcherInput>(
  (context) => context,
  ({ input }) => input,
)

/**
 * The actor that owns the pending requests and assigns work when capacity comes back. Requests are data in its
 * state, which is changed in place: nothing else keeps a snapshot of it, so that the snapshot stays the same one.
 */
export const dispatcherLogic: typeof logic = {
  ...logic,
  transition(snapshot, event) {
    const { state, ports } = snapshot.context
    handle(state, ports, event)
    return snapshot
  },
}

export type DispatcherRef = ActorRefFrom<typeof dispatcherLogic>
