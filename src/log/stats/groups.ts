import type { Event, FailureClass } from '../../core/events.ts'
import { HOUR_MS, DAY_MS } from '../../core/time.ts'
import { createSketch, type Sketch } from './sketch.ts'

/** What events can be grouped by. Hours and days are those of UTC in which an event happened. */
export const DIMENSIONS = ['llm', 'client', 'model', 'hour', 'day'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** What stands for an LLM where there was none, and for a request whose arrival is not in the log. */
export const NONE = '-'

/** What happened to some of the requests. */
export interface Tally {
  /** Those that came; by LLM those that were put to it, each once. */
  requests: number
  attempts: number
  completed: number
  refused: number
  expired: number
  failed: number
  abandoned: number
  inputTokens: number
  /** Those of the input that were read from a provider's cache. */
  cachedTokens: number
  outputTokens: number
  costNanoUsd: number
  /** Attempts that failed, by class. */
  readonly errors: Map<FailureClass, number>
  /** From arrival to the start of the attempt that answered. */
  readonly wait: Sketch
  /** From the start of an attempt to the first byte of its answer. */
  readonly firstByte: Sketch
  /** From arrival to the end of the answer. */
  readonly answer: Sketch
}

export function createTally(): Tally {
  return {
    ...{ requests: 0, attempts: 0, completed: 0, refused: 0, expired: 0, failed: 0, abandoned: 0 },
    ...{ inputTokens: 0, cachedTokens: 0, outputTokens: 0, costNanoUsd: 0 },
    errors: new Map(),
    wait: createSketch(),
    firstByte: createSketch(),
    answer: createSketch(),
  }
}

/** Counts an event, but for the request itself, which is counted where it is known how often it came. */
export function countEvent(tally: Tally, event: Event): void {
  switch (event.type) {
    case 'request.dispatched':
      tally.attempts++
      break
    case 'attempt.finished':
      tally.firstByte.add(event.data.first_byte_ms)
      tally.cachedTokens += event.data.usage?.cached_tokens ?? 0
      break
    case 'attempt.failed':
      tally.errors.set(event.data.class, (tally.errors.get(event.data.class) ?? 0) + 1)
      break
    case 'request.completed':
      tally.completed++
      tally.inputTokens += event.data.input_tokens
      tally.outputTokens += event.data.output_tokens
      tally.costNanoUsd += event.data.cost_nano_usd
      tally.wait.add(event.data.wait_ms)
      tally.answer.add(event.data.duration_ms)
      break
    case 'request.failed':
      tally.failed++
      tally.costNanoUsd += event.data.cost_nano_usd
      break
    case 'request.rejected':
      tally.refused++
      break
    case 'request.expired':
      tally.expired++
      break
    case 'request.abandoned':
      tally.abandoned++
      break
  }
}

/** What an event is grouped by. */
export interface Subject {
  readonly llm: string | null
  readonly client: string
  readonly model: string
  readonly at: number
}

type Value = string | number

/** What happened where each dimension has one value. */
export interface Group {
  /** In the order of the dimensions. */
  readonly values: readonly string[]
  readonly tally: Tally
}

/** Tallies by the values of dimensions. */
export interface Groups {
  of(subject: Subject): Tally
  /** All groups, in the order of their values. */
  all(): Group[]
}

/** O(dimensions) to find a tally; memory by group. */
export function createGroups(dimensions: readonly Dimension[]): Groups {
  const root: Node = { nodes: new Map(), tally: null }
  return {
    of(subject) {
      let node = root
      for (const dimension of dimensions) node = nodeOf(node, keyOf(dimension, subject))
      node.tally ??= createTally()
      return node.tally
    },
    all: () => [...groupsIn(root, dimensions, [])],
  }
}

interface Node {
  readonly nodes: Map<Value, Node>
  tally: Tally | null
}

function nodeOf({ nodes }: Node, value: Value): Node {
  const known = nodes.get(value)
  if (known !== undefined) return known
  const fresh: Node = { nodes: new Map(), tally: null }
  nodes.set(value, fresh)
  return fresh
}

function* groupsIn(
  { nodes, tally }: Node,
  dimensions: readonly Dimension[],
  values: readonly string[],
): Generator<Group> {
  if (tally !== null) yield { values, tally }
  const sorted = [...nodes].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [value, node] of sorted)
    yield* groupsIn(node, dimensions, [...values, textOf(dimensions[values.length]!, value)])
}

function keyOf(dimension: Dimension, { llm, client, model, at }: Subject): Value {
  switch (dimension) {
    case 'llm':
      return llm ?? NONE
    case 'client':
      return client
    case 'model':
      return model
    case 'hour':
      return Math.floor(at / HOUR_MS) * HOUR_MS
    case 'day':
      return Math.floor(at / DAY_MS) * DAY_MS
  }
}

/** An hour as `2026-01-31T08:00Z`, a day as `2026-01-31`, anything else as it is. */
function textOf(dimension: Dimension, value: Value): string {
  if (dimension === 'hour') return `${new Date(value).toISOString().slice(0, 16)}Z`
  return dimension === 'day' ? new Date(value).toISOString().slice(0, 10) : String(value)
}
