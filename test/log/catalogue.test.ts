import { readFileSync, writeFileSync } from 'node:fs'
import type * as v from 'valibot'
import { expect, test } from 'vitest'
import type { EventData, EventType } from '../../src/core/events.ts'
import type { CATALOGUE } from '../../src/log/catalogue/catalogue.ts'
import { DECISIONS } from '../../src/log/catalogue/decisions.ts'
import { INPUTS } from '../../src/log/catalogue/inputs.ts'
import { parseEvent } from '../../src/log/catalogue/parse.ts'
import { kindsText, partsText } from '../support/event-tables.ts'

/** A type written out, so that an intersection equals the object it stands for; readonly says nothing of data. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Described<T extends EventType> = v.InferOutput<(typeof CATALOGUE)[T]['data']>
type Differing = {
  [T in EventType]: Same<Plain<Described<T>>, Plain<EventData[T]>> extends true ? never : T
}[EventType]

const nothingDiffers: [Differing] extends [never] ? true : Differing = true

test('the schemas describe exactly the data that the core writes', () => {
  expect(nothingDiffers).toBe(true)
})

const DOCUMENT = new URL('../../docs/events.md', import.meta.url)
const GENERATED = { inputs: kindsText(INPUTS), decisions: kindsText(DECISIONS), parts: partsText() }

test.each(Object.entries(GENERATED))(
  'docs/events.md has the %s of the schemas (UPDATE=1 writes them)',
  (name, text) => {
    const [begin, end] = [`<!-- ${name} of the schemas -->\n`, `\n<!-- end of ${name} -->`]
    const document = readFileSync(DOCUMENT, 'utf8')
    const from = document.indexOf(begin) + begin.length
    const to = document.indexOf(end)
    expect(document).toContain(begin)
    expect(to).toBeGreaterThanOrEqual(from)
    const written = `${document.slice(0, from)}\n${text}\n${document.slice(to)}`
    if (process.env.UPDATE === '1') writeFileSync(DOCUMENT, written)
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(written)
  },
)

test('an event that docs/events.md shows is one', () => {
  const shown = [...readFileSync(DOCUMENT, 'utf8').matchAll(/```json\n(.*)\n```/g)].map(([, line]) => line!)
  expect(shown).toHaveLength(1)
  expect(shown.map((line) => parseEvent(JSON.parse(line)))).toEqual([
    { ok: true, event: JSON.parse(shown[0]!) },
  ])
})
