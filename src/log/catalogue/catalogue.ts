import type { EventType } from '../../core/events.ts'
import { DECISIONS } from './decisions.ts'
import { INPUTS } from './inputs.ts'
import type { Kind } from './kind.ts'

/** Every type of event in its current version. A test holds it equal to the types of `core/events.ts`. */
export const CATALOGUE = { ...INPUTS, ...DECISIONS } as const satisfies Record<EventType, Kind>

/** What is known of a type of event; null for one that is not in the catalogue. */
export function kindOf(type: unknown): Kind | null {
  return isType(type) ? CATALOGUE[type] : null
}

export function isType(type: unknown): type is EventType {
  return typeof type === 'string' && Object.hasOwn(CATALOGUE, type)
}
