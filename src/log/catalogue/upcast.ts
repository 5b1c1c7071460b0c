import type { EventType } from '../../core/events.ts'

export type Data = Record<string, unknown>

/**
 * For each type whose data have changed: how data of version 1 become those of version 2, those of 2 become those
 * of 3, and so on.
 */
export const UPCASTS: { readonly [T in EventType]?: readonly ((data: Data) => Data)[] } = {
  'process.started': [(data) => ({ ...data, recovered_at: null, disabled: [] })],
}

/** Data of an older version as those of the current one. */
export function upcast(type: EventType, v: number, data: Data): Data {
  return (UPCASTS[type] ?? []).slice(v - 1).reduce((older, next) => next(older), data)
}
