/**
 * A map for values that come and go. Each sits in a cell that is emptied when it is removed; all else is as in a
 * Map, in order of insertion.
 *
 * Hint: JavaScriptCore keeps what was deleted from a Map within reach until a full garbage collection, and with it
 * all that hangs on it; here that is an empty cell.
 */
export class CellMap<K, V> {
  readonly #cells = new Map<K, { value: V | undefined }>()

  get size(): number {
    return this.#cells.size
  }

  has(key: K): boolean {
    return this.#cells.has(key)
  }

  get(key: K): V | undefined {
    return this.#cells.get(key)?.value
  }

  set(key: K, value: V): void {
    const cell = this.#cells.get(key)
    if (cell === undefined) this.#cells.set(key, { value })
    else cell.value = value
  }

  delete(key: K): void {
    const cell = this.#cells.get(key)
    if (cell === undefined) return
    cell.value = undefined
    this.#cells.delete(key)
  }

  clear(): void {
    for (const cell of this.#cells.values()) cell.value = undefined
    this.#cells.clear()
  }

  *values(): Generator<V, void> {
    for (const { value } of this.#cells.values()) yield value as V
  }
}
