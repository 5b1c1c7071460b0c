import type { DecisionType, Event, EventType, InputEvent, InputType } from './events.ts'

const INPUT_VERSIONS = {
  'process.started': 2,
  'request.received': 1,
  'request.abandoned': 1,
  'attempt.started': 1,
  'attempt.finished': 1,
  'attempt.failed': 1,
  'timer.fired': 1,
  'config.changed': 1,
  'clock.jumped': 1,
  'log.resumed': 1,
  'process.stopping': 1,
} as const satisfies Record<InputType, number>

const DECISION_VERSIONS = {
  'request.queued': 1,
  'request.dispatched': 1,
  'request.retried': 1,
  'request.completed': 1,
  'request.failed': 1,
  'request.rejected': 1,
  'request.expired': 1,
  'llm.available': 1,
  'llm.exhausted': 1,
  'llm.cooling': 1,
  'llm.disabled': 1,
  'llm.limit_learned': 1,
  'llm.crashed': 1,
} as const satisfies Record<DecisionType, number>

/** The version in which each type of event is written; higher by one wherever its data change. */
export const EVENT_VERSIONS: Readonly<Record<EventType, number>> = { ...INPUT_VERSIONS, ...DECISION_VERSIONS }

/** Whether an event is a fact from outside, and not what the balancer made of it. */
export function isInput(event: Event): event is InputEvent {
  return Object.hasOwn(INPUT_VERSIONS, event.type)
}
