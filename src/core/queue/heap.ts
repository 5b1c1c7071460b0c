/**
 * A binary heap whose items know where they stand, so that any of them can be taken out.
 * Push, remove and pop cost O(log n), peek O(1).
 */
export interface Heap<T> {
  readonly items: T[]
  /** Whether `a` comes out before `b`; a strict order, so that equal histories give equal heaps. */
  readonly before: (a: T, b: T) => boolean
  /** Notes where an item stands, -1 when it is out. */
  readonly place: (item: T, index: number) => void
}

export function createHeap<T>(before: Heap<T>['before'], place: Heap<T>['place']): Heap<T> {
  return { items: [], before, place }
}

export function push<T>(heap: Heap<T>, item: T): void {
  rise(heap, heap.items.push(item) - 1, item)
}

/** Takes out the item that stands at `index`. */
export function removeAt<T>(heap: Heap<T>, index: number): void {
  const { items, before, place } = heap
  place(items[index]!, -1)
  const last = items.pop()!
  if (index === items.length) return
  if (index > 0 && before(last, items[(index - 1) >> 1]!)) rise(heap, index, last)
  else sink(heap, index, last)
}

/** How many items are such, and no item below one that is not is; counts one more than `most` at the most. O(most). */
export function countFront<T>({ items }: Heap<T>, isSuch: (item: T) => boolean, most: number): number {
  let count = 0
  const open = [0]
  for (let i = open.pop(); i !== undefined && count <= most; i = open.pop()) {
    if (i >= items.length || !isSuch(items[i]!)) continue
    count++
    open.push(2 * i + 1, 2 * i + 2)
  }
  return count
}

function put<T>({ items, place }: Heap<T>, index: number, item: T): void {
  items[index] = item
  place(item, index)
}

function rise<T>(heap: Heap<T>, start: number, item: T): void {
  const { items, before } = heap
  let i = start
  while (i > 0) {
    const parent = (i - 1) >> 1
    const above = items[parent]!
    if (!before(item, above)) break
    put(heap, i, above)
    i = parent
  }
  put(heap, i, item)
}

function sink<T>(heap: Heap<T>, start: number, item: T): void {
  const { items, before } = heap
  let i = start
  for (;;) {
    const left = 2 * i + 1
    if (left >= items.length) break
    const right = left + 1
    const child = right < items.length && before(items[right]!, items[left]!) ? right : left
    const below = items[child]!
    if (!before(below, item)) break
    put(heap, i, below)
    i = child
  }
  put(heap, i, item)
}
