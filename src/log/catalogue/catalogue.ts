import type { EventType } from '../../core/events.ts'
import { DECISIONS } from './decisions.ts'
import { INPUTS } from './inputs.ts'
import type { Kind } from './kind.ts'

/** Every type of event in its current version. A test holds it equal to the types of `core/events.ts`. */
export const CATALOGUE = { ...INPUTS, ...DECISIONS } as const satisfies Record<EventType, Kind>

/** Whether this is a type of event that there is. */
export function isType(type: unknown): type is EventType {
  return typeof type === 'string' && Object.hasOwn(CATALOGUE, type)
}
