import fc from 'fast-check'
import { EVENT_VERSIONS } from '../../src/core/event-versions.ts'
import type { Event, EventType } from '../../src/core/events.ts'
import { CATALOGUE } from '../../src/log/catalogue/catalogue.ts'
import type { About } from '../../src/log/catalogue/kind.ts'
import { START } from './virtual-clock.ts'
import type { SchemaShape } from './schema-shape.ts'

const TEXT = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('"', '\\', '\u2028', '\0', ''),
)

/** Any value that a schema of the catalogue allows, as JSON has it. */
function anyOf(shape: SchemaShape): fc.Arbitrary<unknown> {
  switch (shape.type) {
    case 'string':
      return TEXT
    case 'boolean':
      return fc.boolean()
    case 'number':
      return numberOf(shape)
    case 'picklist':
      return fc.constantFrom(...shape.options!)
    case 'nullable':
      return fc.option(anyOf(shape.wrapped!))
    case 'exact_optional':
      return anyOf(shape.wrapped!)
    case 'array':
      return fc.array(anyOf(shape.item!), { maxLength: 3 })
    case 'union':
      return fc.oneof(...shape.options!.map((option) => anyOf(option as SchemaShape)))
    case 'strict_object':
      return objectOf(shape.entries!)
    case 'unknown':
      return fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)))
    default:
      throw new Error(`nothing is known of a schema of type ${shape.type}`)
  }
}

function asks({ pipe = [] }: SchemaShape, action: string): boolean {
  return pipe.some((part) => part.type === action || asks(part, action))
}

function numberOf(shape: SchemaShape): fc.Arbitrary<number> {
  const has = (action: string) => asks(shape, action)
  const max = Number.MAX_SAFE_INTEGER
  if (has('safe_integer')) return fc.integer({ min: has('min_value') ? 0 : -max, max })
  return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
}

/** The names in any order, and those that may be left out now there, now not. */
function objectOf(entries: Readonly<Record<string, SchemaShape>>): fc.Arbitrary<Record<string, unknown>> {
  const names = Object.keys(entries)
  const requiredKeys = names.filter((name) => entries[name]!.type !== 'exact_optional')
  const fields = Object.fromEntries(names.map((name) => [name, anyOf(entries[name]!)]))
  return fc
    .tuple(
      fc.record(fields, { requiredKeys, noNullPrototype: true }),
      fc.shuffledSubarray(names, { minLength: names.length }),
    )
    .map(([value, order]) =>
      Object.fromEntries(order.filter((name) => name in value).map((name) => [name, value[name]])),
    )
}

function nameIf(there: boolean, perhaps = false): fc.Arbitrary<string | null> {
  if (perhaps) return fc.option(TEXT)
  return there ? TEXT : fc.constant(null)
}

function draftOf(type: EventType) {
  const { about, data } = CATALOGUE[type] as { about: About; data: unknown }
  return fc.record({
    ms: fc.nat(3),
    type: fc.constant(type),
    request: nameIf(about.startsWith('request')),
    llm: nameIf(about.endsWith('llm'), about.endsWith('perhaps llm')),
    data: anyOf(data as SchemaShape),
  })
}

export const TYPES = Object.keys(CATALOGUE) as EventType[]

/** Valid events of any of the types, numbered from 7 on. They tell no story. */
export function eventsOf(types: readonly EventType[] = TYPES): fc.Arbitrary<Event[]> {
  return fc.array(fc.oneof(...types.map(draftOf)), { minLength: 1, maxLength: 12 }).map((drafts) => {
    let at = START
    return drafts.map(({ ms, type, request, llm, data }, i) => {
      at += ms
      return { seq: 7 + i, at, type, v: EVENT_VERSIONS[type], request, llm, data } as Event
    })
  })
}
