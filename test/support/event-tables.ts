import * as v from 'valibot'
import { EVENT_VERSIONS } from '../../src/core/event-versions.ts'
import type { EventType } from '../../src/core/events.ts'
import type { Kind } from '../../src/log/catalogue/kind.ts'
import { count, failureClass, integer, number, PARTS } from '../../src/log/catalogue/parts.ts'
import type { SchemaShape } from './schema-shape.ts'

const NAMES = new Map<unknown, string>([
  [count, 'integer ≥ 0'],
  [integer, 'integer'],
  [number, 'number'],
  [failureClass, '[failure class](#failure-classes)'],
  ...Object.entries(PARTS).map(([name, schema]) => [schema, `[${name}](#parts)`] as const),
])

/** Which values there are, in words. */
function valuesOf(shape: SchemaShape): string {
  // A schema to which a description was added stands first in its pipe.
  const own = NAMES.get(shape) ?? NAMES.get(shape.pipe?.[0])
  if (own !== undefined) return own
  switch (shape.type) {
    case 'string':
      return 'text'
    case 'unknown':
      return 'any'
    case 'nullable':
      return `${valuesOf(shape.wrapped!)} or null`
    case 'exact_optional':
      return `${valuesOf(shape.wrapped!)}, may be absent`
    case 'array':
      return `list of ${valuesOf(shape.item!)}`
    case 'picklist':
      return shape.options!.map((word) => `\`${word}\``).join(', ')
    case 'union':
      return shape.options!.map((option) => valuesOf(option as SchemaShape)).join(' or ')
    default:
      return shape.type
  }
}

function meaningOf(shape: SchemaShape): string {
  const described = shape.type === 'exact_optional' ? shape.wrapped! : shape
  const meaning = v.getDescription(described as never)
  if (meaning === undefined) throw new Error('a value of the catalogue has no description')
  return meaning
}

function tableOf({ entries = {} }: SchemaShape): string {
  const rows = Object.entries(entries).map(
    ([name, shape]) => `| \`${name}\` | ${valuesOf(shape)} | ${meaningOf(shape)} |`,
  )
  return ['| data | values | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

/** The types of a part of the catalogue as sections of `docs/events.md`. */
export function kindsText(kinds: Readonly<Record<string, Kind>>): string {
  const sections = Object.entries(kinds).map(([type, { what, about, data }]) => {
    const version = EVENT_VERSIONS[type as EventType]
    const subject = about === 'nothing' ? '' : ` About: ${about}.`
    return `### ${type}\n\n${what}${subject} Version ${version}.\n\n${tableOf(data as unknown as SchemaShape)}`
  })
  return sections.join('\n\n')
}

/** The parts that have names of their own. */
export function partsText(): string {
  const sections = Object.entries(PARTS).map(
    ([name, schema]) => `**${name}**\n\n${tableOf(schema as unknown as SchemaShape)}`,
  )
  return sections.join('\n\n')
}
