import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { LineCounter, parseDocument } from 'yaml'
import type { Config } from '../config/config.ts'
import { type Finding, formatProblems, locate, problemAt } from '../config/problems.ts'
import { checkShape, type Shape, withoutNulls } from '../config/shape.ts'
import type { Priority } from '../core/types.ts'
import type { Pattern, Source } from './arrivals.ts'
import { always, type Spread } from './draw.ts'
import { type RawSource, type RawWorkload, workloadSchema } from './workload-schema.ts'
import { WORKLOADS } from './workloads.ts'

export type WorkloadResult =
  | { readonly ok: true; readonly workload: RawWorkload }
  | { readonly ok: false; readonly message: string }

/** The workload of a name that is built in, or of a file; what is wrong is told with its place. */
export function loadWorkload(nameOrFile: string): WorkloadResult {
  if (Object.hasOwn(WORKLOADS, nameOrFile))
    return { ok: true, workload: v.parse(workloadSchema, WORKLOADS[nameOrFile]) }
  try {
    return parseWorkload(readFileSync(nameOrFile, 'utf8'), nameOrFile)
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code !== 'string') throw error
    const names = Object.keys(WORKLOADS).join(', ')
    const why = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`
    return { ok: false, message: `${nameOrFile}: ${why}, and no workload of that name. Built in: ${names}.` }
  }
}

/** @param file Its name in problems. */
export function parseWorkload(text: string, file: string): WorkloadResult {
  const lines = new LineCounter()
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true, lineCounter: lines })
  const broken = document.errors.map(({ message, pos }) => problemAt(file, lines, pos[0], '', message))
  if (broken.length > 0) return { ok: false, message: formatProblems(broken) }
  const value = withoutNulls(document.toJS({ maxAliasCount: 100 }))
  const parsed = v.safeParse(workloadSchema, value, { abortPipeEarly: true })
  const findings: Finding[] = [
    ...checkShape(workloadSchema as unknown as Shape, value),
    ...(parsed.issues ?? []).filter(({ expected }) => expected !== 'never').map(findingOf),
    ...(parsed.success ? parsed.output.sources.flatMap(checkSource) : []),
  ]
  if (parsed.success && findings.length === 0) return { ok: true, workload: parsed.output }
  return { ok: false, message: formatProblems(findings.map((one) => locate(one, document, file, lines))) }
}

function findingOf(issue: v.BaseIssue<unknown>): Finding {
  const path = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))
  return { path, message: issue.type === 'strict_object' ? 'is required' : issue.message }
}

/** What each pattern needs beside its name. */
function checkSource({ pattern, requests, per_hour: perHour }: RawSource, index: number): Finding[] {
  const at = (key: string) => ['sources', index, key]
  if (pattern === 'burst')
    return requests === undefined ? [{ path: at('requests'), message: 'is required for a burst' }] : []
  if (perHour === undefined) return [{ path: at('per_hour'), message: `is required for ${pattern}` }]
  if (Array.isArray(perHour) === (pattern === 'profile')) return []
  const kind = pattern === 'profile' ? 'a list of numbers' : 'one number'
  return [{ path: at('per_hour'), message: `expected ${kind} for ${pattern}` }]
}

/** The sources of a workload under a configuration, which says what its clients may. */
export function sourcesOf({ sources }: RawWorkload, { clients, queue }: Config): Source[] {
  return sources.map((raw): Source => {
    const client = clients.find(({ name }) => name === raw.client)
    const priority: Priority = raw.priority ?? client?.priority ?? 'normal'
    const afterMs = { least: 0, mean: raw.leave_after, most: 10 * raw.leave_after }
    return {
      pattern: patternOf(raw),
      client: raw.client,
      model: raw.model,
      priority,
      stream: raw.stream,
      maxWaitMs: raw.max_wait ?? queue.maxWaitMs,
      inputTokens: spreadOf(raw.input_tokens),
      answerTokens: spreadOf(raw.output_tokens),
      bound: raw.max_tokens ?? null,
      cachedPermille: 0,
      leaving: raw.leave_share === 0 ? null : { permille: Math.round(raw.leave_share * 1000), afterMs },
    }
  })
}

function patternOf(raw: RawSource): Pattern {
  const perHour = raw.per_hour as number
  switch (raw.pattern) {
    case 'burst':
      return { kind: 'burst', requests: raw.requests!, atMs: raw.at, everyMs: raw.every ?? null }
    case 'steady':
    case 'random':
      return { kind: raw.pattern, perHour }
    case 'on_off':
      return { kind: 'on_off', perHour, onMs: raw.on, offMs: raw.off }
    case 'profile':
      return { kind: 'profile', perHour: raw.per_hour as number[] }
  }
}

function spreadOf(raw: RawSource['input_tokens']): Spread {
  if (typeof raw === 'number') return always(raw)
  const { least, mean, most } = raw
  return { least: Math.min(least, mean), mean, most: Math.max(most, mean) }
}
