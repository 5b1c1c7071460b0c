import type { Event } from '../../core/events.ts'

/** An event as one line of an export. */
export function lineOf({ seq, at, type, v, request, llm, data }: Event): string {
  return `${JSON.stringify({ seq, at, type, v, request, llm, data })}\n`
}
