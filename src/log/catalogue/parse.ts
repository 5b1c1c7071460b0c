import * as v from 'valibot'
import type { Event, EventType } from '../../core/events.ts'
import { EVENT_VERSIONS } from '../../core/event-versions.ts'
import { CATALOGUE } from './catalogue.ts'
import type { About } from './kind.ts'
import { namesProblem, versionProblem } from './reading.ts'
import { type Data, upcast } from './upcast.ts'

/** What an event is made of, in the order in which it is written. */
const FIELDS = ['seq', 'at', 'type', 'v', 'request', 'llm', 'data'] as const
const SHOWN_MAX = 300

type Head = Record<(typeof FIELDS)[number], unknown>
export type Parsed =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly problem: string }

/**
 * An event in its current version from a value of which nothing is known, or what is wrong with it: a part of a
 * sentence that begins with the event. The data keep the order of their names.
 */
export function parseEvent(value: unknown): Parsed {
  if (!isObject(value)) return wrong('is no object')
  const extra = Object.keys(value).find((name) => !FIELDS.includes(name as never))
  if (extra !== undefined) return wrong(`has "${extra}", which does not belong there`)
  const head = value as Head
  const problem = headProblem(head)
  if (problem !== null) return wrong(problem)
  const type = head.type as EventType
  const data = upcast(type, head.v as number, head.data as Data)
  const found = dataProblem(type, data) ?? subjectProblem(head, CATALOGUE[type].about)
  if (found !== null) return wrong(found)
  return { ok: true, event: { ...head, v: EVENT_VERSIONS[type], data } as Event }
}

function headProblem({ seq, at, type, v: version, request, llm, data }: Head): string | null {
  if (!Number.isSafeInteger(seq) || (seq as number) < 1)
    return 'has no "seq" that is an integer of at least 1'
  if (!Number.isSafeInteger(at) || (at as number) < 0) return 'has no "at" in ms since 1970'
  if (!isNameOrNull(request)) return 'has no "request" that is a text or null'
  if (!isNameOrNull(llm)) return 'has no "llm" that is a text or null'
  if (!isObject(data)) return 'has no "data" that are an object'
  return versionProblem(type, version)
}

function dataProblem(type: EventType, data: Data): string | null {
  const names = namesProblem(type, Object.keys(data))
  if (names !== null) return names
  const result = v.safeParse(CATALOGUE[type].data, data, { abortEarly: true })
  if (result.success) return null
  const issue = result.issues[0]
  return `has data that are not valid: ${v.getDotPath(issue)}: ${issue.message}`
}

/** Whether an event names the request and the LLM that its type is about, and no others. */
function subjectProblem({ request, llm }: Head, about: About): string | null {
  if ((request !== null) !== about.startsWith('request'))
    return request === null ? 'names no request' : 'names a request, but is about none'
  if (about.endsWith('perhaps llm') || (llm !== null) === about.endsWith('llm')) return null
  return llm === null ? 'names no LLM' : 'names an LLM, but is about none'
}

function wrong(problem: string): Parsed {
  return { ok: false, problem: problem.length > SHOWN_MAX ? `${problem.slice(0, SHOWN_MAX)}...` : problem }
}

function isNameOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
