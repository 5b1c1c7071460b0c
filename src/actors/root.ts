import { assertEvent, emit, enqueueActions, sendTo, setup, stopChild } from 'xstate'
import type { EventOf } from '../core/events.ts'
import { createLlm, type Llm } from '../core/llm.ts'
import { type DispatcherInput, dispatcherLogic } from './dispatcher.ts'
import { type LlmRef, llmMachine } from './llm.ts'

export interface RootInput {
  readonly llms: readonly Llm[]
  readonly dispatcher: DispatcherInput
}

type Crash =
  | { type: 'llm.crashed'; llm: string; message: string }
  | { type: 'dispatcher.crashed'; message: string }

type RootEvent =
  | EventOf<'process.stopping'>
  | { type: 'stop' }
  | { type: 'xstate.error.actor.*'; error: unknown; actorId: string }

/** What goes on after a crash: a pause or a rejected key stays, whether it is exhausted shows at the next message. */
function restarted(llm: Llm): Llm {
  if (llm.status === 'cooling' || llm.status === 'disabled') return llm
  return createLlm(llm.spec, llm.account, llm.skill, null, llm.since)
}

export const llmId = (name: string) => `llm:${name}`

/**
 * The root: running, draining, stopped. It starts one actor for each LLM and the dispatcher, and replaces an LLM
 * actor that crashed by a fresh one over the same ledgers. A crash of the dispatcher is a bug that ends the process.
 */
export const rootMachine = setup({
  types: {} as { context: RootInput; events: RootEvent; input: RootInput; emitted: Crash },
  actors: { llm: llmMachine, dispatcher: dispatcherLogic },
  actions: {
    spawnAll: enqueueActions(({ context, enqueue }) => {
      for (const llm of context.llms) {
        const id = llmId(llm.spec.name)
        enqueue.spawnChild('llm', { id, systemId: id, input: llm })
      }
      enqueue.spawnChild('dispatcher', {
        id: 'dispatcher',
        systemId: 'dispatcher',
        input: context.dispatcher,
      })
    }),
    replace: enqueueActions(({ context, event, enqueue, system }) => {
      assertEvent(event, 'xstate.error.actor.*')
      const message = event.error instanceof Error ? event.error.message : String(event.error)
      const llm = context.llms.find(({ spec }) => llmId(spec.name) === event.actorId)
      if (llm === undefined) {
        enqueue(emit({ type: 'dispatcher.crashed', message }))
        return
      }
      const last = (system.get(event.actorId) as LlmRef | undefined)?.getSnapshot().context.llm ?? llm
      enqueue(stopChild(event.actorId))
      enqueue.spawnChild('llm', { id: event.actorId, systemId: event.actorId, input: restarted(last) })
      enqueue(emit({ type: 'llm.crashed', llm: llm.spec.name, message }))
    }),
  },
}).createMachine({
  context: ({ input }) => input,
  entry: 'spawnAll',
  initial: 'running',
  on: { 'xstate.error.actor.*': { actions: 'replace' } },
  states: {
    running: { on: { 'process.stopping': 'draining', stop: 'stopped' } },
    draining: {
      entry: sendTo('dispatcher', ({ event }) => event as EventOf<'process.stopping'>),
      on: { stop: 'stopped' },
    },
    stopped: { type: 'final' },
  },
})
