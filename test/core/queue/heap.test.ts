import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countFront, createHeap, push, removeAt } from '../../../src/core/queue/heap.ts'

interface Item {
  readonly key: number
  readonly seq: number
  index: number
}

const before = (a: Item, b: Item) => a.key < b.key || (a.key === b.key && a.seq < b.seq)

const open = () =>
  createHeap<Item>(before, (item, index) => {
    item.index = index
  })

test('gives out in order what a sorted array would, whichever items are taken out in between', () => {
  const step = fc.record({ add: fc.boolean(), key: fc.nat({ max: 9 }), pick: fc.nat() })
  const check = (steps: { add: boolean; key: number; pick: number }[]) => {
    const heap = open()
    let sorted: Item[] = []
    for (const [seq, { add, key, pick }] of steps.entries()) {
      if (add || sorted.length === 0) {
        const item = { key, seq, index: -1 }
        push(heap, item)
        sorted = [...sorted, item].toSorted((a, b) => a.key - b.key || a.seq - b.seq)
      } else {
        const item = sorted[pick % sorted.length]!
        removeAt(heap, item.index)
        expect(item.index).toBe(-1)
        sorted = sorted.filter((one) => one !== item)
      }
      expect(heap.items[0]).toBe(sorted[0])
      for (const [i, item] of heap.items.entries()) expect(item.index).toBe(i)
    }
    for (const item of sorted) {
      expect(heap.items[0]).toBe(item)
      removeAt(heap, 0)
    }
    expect(heap.items).toEqual([])
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), check), { numRuns: 300 })
})

test('compares no more than a few times for each doubling of its size', () => {
  let compared = 0
  const heap = createHeap<Item>(
    (a, b) => {
      compared++
      return before(a, b)
    },
    (item, index) => {
      item.index = index
    },
  )
  // Descending keys are the worst for a push: every item rises to the top.
  for (let seq = 0; seq < 1024; seq++) push(heap, { key: -seq, seq, index: -1 })
  expect(compared).toBeLessThan(1024 * 10)
  compared = 0
  while (heap.items.length > 0) removeAt(heap, 0)
  expect(compared).toBeLessThan(1024 * 20)
})

test('counts the items at its front that are such, as far as is asked', () => {
  const check = (keys: readonly number[], upTo: number, most: number) => {
    const heap = open()
    for (const [seq, key] of keys.entries()) push(heap, { key, seq, index: -1 })
    const all = keys.filter((key) => key <= upTo).length
    expect(countFront(heap, ({ key }) => key <= upTo, most)).toBe(Math.min(all, most + 1))
  }
  fc.assert(fc.property(fc.array(fc.nat({ max: 20 })), fc.nat({ max: 20 }), fc.nat({ max: 10 }), check))
})
