import type * as v from 'valibot'
import { expect, test } from 'vitest'
import type { EventData, EventType } from '../../src/core/events.ts'
import type { CATALOGUE } from '../../src/log/catalogue/catalogue.ts'

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
