import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CellMap } from '../../src/core/cell-map.ts'

const KEY = fc.constantFrom('a', 'b', 'c', 'd')
const STEP = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key: KEY, value: fc.integer() }),
  fc.record({ do: fc.constant('delete' as const), key: KEY }),
  fc.record({ do: fc.constant('clear' as const) }),
)

test('holds what a Map would hold, in the same order', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 40 }), (steps) => {
      const map = new Map<string, number>()
      const cells = new CellMap<string, number>()
      for (const step of steps) {
        if (step.do === 'clear') for (const one of [map, cells]) one.clear()
        else if (step.do === 'delete') for (const one of [map, cells]) one.delete(step.key)
        else for (const one of [map, cells]) one.set(step.key, step.value)
        expect([...cells.values()]).toEqual([...map.values()])
        expect(cells.size).toBe(map.size)
        for (const key of 'abcd') {
          expect(cells.get(key)).toBe(map.get(key))
          expect(cells.has(key)).toBe(map.has(key))
        }
      }
    }),
  )
})

test('may lose values while they are walked through', () => {
  const cells = new CellMap<number, number>()
  for (const n of [1, 2, 3]) cells.set(n, n)
  const seen: number[] = []
  for (const n of cells.values()) {
    seen.push(n)
    cells.delete(n)
  }
  expect(seen).toEqual([1, 2, 3])
  expect(cells.size).toBe(0)
})
