import { shown } from './fields.ts'
import type { Finding } from './problems.ts'
import { suggestion } from './suggest.ts'

/** No valid configuration is deeper; what lies below is cut off, which also ends a cycle of aliases. */
const MAX_DEPTH = 10

/** The parts of a valibot schema that say which keys there are. */
export interface Shape {
  readonly type: string
  readonly entries?: Readonly<Record<string, Shape>>
  readonly item?: Shape
  readonly value?: Shape
  readonly wrapped?: Shape
  readonly options?: readonly Shape[]
}
type Path = readonly (string | number)[]

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value without the keys that nothing stands behind (`queue:`), which are the same as keys not given. */
export function withoutNulls(value: unknown, depth: number = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth === MAX_DEPTH) return null
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1))
  const kept = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutNulls(item, depth + 1)]))
}

/** The keys the schema does not know, and the places where a list stands for a mapping or the reverse. */
export function* checkShape(shape: Shape, value: unknown, path: Path = []): Generator<Finding> {
  if (value === undefined || value === null) return
  if (shape.wrapped) return yield* checkShape(shape.wrapped, value, path)
  if (shape.options) {
    const option = shape.options.find(({ type }) => (type === 'array') === Array.isArray(value))
    if (option && typeof value === 'object') yield* checkShape(option, value, path)
    return
  }
  if (shape.item) return yield* checkItems(shape.item, value, path)
  if (!shape.entries && !shape.value) return
  if (!isMapping(value)) return yield misplaced('a mapping (key: value)', value, path)
  for (const [key, item] of Object.entries(value)) {
    const known = shape.entries ?? {}
    if (shape.value && item === null) yield misplaced('a list or a mapping', item, [...path, key])
    else if (shape.value) yield* checkShape(shape.value, item, [...path, key])
    else if (Object.hasOwn(known, key)) yield* checkShape(known[key]!, item, [...path, key])
    else yield unknownKey(key, Object.keys(known), path)
  }
}

function* checkItems(item: Shape, value: unknown, path: Path): Generator<Finding> {
  if (!Array.isArray(value)) return yield misplaced('a list', value, path)
  for (const [index, entry] of value.entries()) {
    if (entry === null) yield misplaced('a value', entry, [...path, index])
    else yield* checkShape(item, entry, [...path, index])
  }
}

function misplaced(what: string, value: unknown, path: Path): Finding {
  return { path, message: `expected ${what}, got ${shown(value)}`, covers: true }
}

function unknownKey(key: string, known: readonly string[], path: Path): Finding {
  const hint = suggestion(key, known) || `; the keys here are ${known.join(', ')}`
  return { path: [...path, key], message: `unknown key${hint}`, at: 'key' }
}
