import { assign, type ActorRefFrom, enqueueActions, setup } from 'xstate'
import type { LlmMessage } from '../core/dispatch-state.ts'
import { type Llm, type LlmDecision, step, type Wake } from '../core/llm.ts'

const is =
  (status: Llm['status']) =>
  ({ context }: { context: Llm }) =>
    context.status === status

/**
 * One LLM as a statechart. The arithmetic is `step`; this machine holds which state the LLM is in and the timer
 * that ends it: the refill timer of `exhausted`, set to the exact instant room returns, and the end of `cooling`.
 */
export const llmMachine = setup({
  types: {} as { context: Llm; events: LlmMessage | Wake; input: Llm; emitted: LlmDecision },
  actions: {
    step: enqueueActions(({ context, event, enqueue }) => {
      const next = step(context, event, (decision) => enqueue.emit(decision))
      if (next === context) return
      enqueue(assign(() => next))
      if (next.wakeAt === context.wakeAt) return
      enqueue.cancel('wake')
      if (!Number.isFinite(next.wakeAt)) return
      enqueue.raise(
        { type: 'wake', at: next.wakeAt },
        { id: 'wake', delay: Math.max(0, next.wakeAt - event.at) },
      )
    }),
  },
  guards: {
    isAvailable: is('available'),
    isExhausted: is('exhausted'),
    isCooling: is('cooling'),
    isDisabled: is('disabled'),
  },
}).createMachine({
  context: ({ input }) => input,
  initial: 'available',
  on: {
    reserve: { actions: 'step' },
    settle: { actions: 'step' },
    report: { actions: 'step' },
    full: { actions: 'step' },
    fail: { actions: 'step' },
  },
  states: {
    available: {
      always: [
        { guard: 'isExhausted', target: 'exhausted' },
        { guard: 'isCooling', target: 'cooling' },
        { guard: 'isDisabled', target: 'disabled' },
      ],
    },
    exhausted: {
      on: { wake: { actions: 'step' } },
      always: [
        { guard: 'isAvailable', target: 'available' },
        { guard: 'isCooling', target: 'cooling' },
        { guard: 'isDisabled', target: 'disabled' },
      ],
    },
    cooling: {
      on: { wake: { actions: 'step' } },
      always: [
        { guard: 'isAvailable', target: 'available' },
        { guard: 'isExhausted', target: 'exhausted' },
        { guard: 'isDisabled', target: 'disabled' },
      ],
    },
    disabled: {},
  },
})

export type LlmRef = ActorRefFrom<typeof llmMachine>
