import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createPromised,
  type KeptPlace,
  promise,
  promisedBefore,
  release,
} from '../../../src/core/forecast/promised.ts'

const place = (rest: Partial<KeptPlace> = {}): KeptPlace => ({
  client: 'a',
  clientWeight: 1,
  rank: 1,
  llm: 0,
  cost: { inputTokens: 10, outputTokens: 5 },
  ...rest,
})
const follower = (client: string, rank = 1, spared = 0) => ({
  client,
  clientWeight: 1,
  rank,
  spared,
  most: Number.POSITIVE_INFINITY,
})

/** Places of these clients and bands, all of one size on one LLM. */
function promisedTo(places: readonly Partial<KeptPlace>[]) {
  const promised = createPromised()
  for (const one of places) promise(promised, place(one))
  return promised
}

const requestsBefore = (promised: ReturnType<typeof createPromised>, who: ReturnType<typeof follower>) =>
  promisedBefore(promised, who)(0).requests

describe('who was promised a place goes before', () => {
  const two = [{ client: 'a' }, { client: 'a' }]

  test('those of the same client, with all that they take of an LLM', () => {
    const demandOn = promisedBefore(promisedTo(two), follower('a'))
    expect(demandOn(0)).toEqual({ requests: 2, inputTokens: 20, outputTokens: 10 })
    expect(demandOn(1)).toEqual({ requests: 0, inputTokens: 0, outputTokens: 0 })
  })

  test('of another client only as many as its share allows meanwhile', () => {
    const promised = promisedTo([...two, { client: 'b' }])
    expect(requestsBefore(promised, follower('b'))).toBe(3)
    expect(requestsBefore(promised, follower('c'))).toBe(2)
    expect(requestsBefore(promisedTo(Array(9).fill({ client: 'a' })), follower('c'))).toBe(1)
  })

  test('all of a higher band, none of a lower one', () => {
    const promised = promisedTo([{ rank: 0 }, { rank: 0 }, { rank: 2 }])
    expect(requestsBefore(promised, follower('c'))).toBe(2)
    expect(requestsBefore(promised, follower('c', 0))).toBe(1)
  })

  test('but not those that are spared', () => {
    expect(requestsBefore(promisedTo(two), follower('a', 1, 1))).toBe(1)
    expect(requestsBefore(createPromised(), follower('a', 1, 1))).toBe(0)
  })
})

describe('of a client that often does not come', () => {
  test('as few are expected as did come, and more again once it comes', () => {
    const promised = promisedTo(Array(20).fill({}))
    const over = (isClaimed: boolean, times: number) => {
      for (let i = 0; i < times; i++) {
        release(promised, place(), isClaimed)
        promise(promised, place())
      }
      return requestsBefore(promised, follower('a'))
    }
    expect(over(false, 3)).toBe(5)
    expect(over(false, 100)).toBe(0)
    const back = over(true, 40)
    expect(back).toBeGreaterThan(8)
    expect(over(true, 100)).toBeGreaterThan(back)
  })
})

test('what goes before is never more than what was promised and not given up, and all of it is given back', () => {
  const places = fc.record({
    client: fc.constantFrom('a', 'b', 'c'),
    rank: fc.nat(2),
    llm: fc.nat(1),
    cost: fc.record({ inputTokens: fc.nat(50), outputTokens: fc.nat(50) }),
    isKept: fc.boolean(),
    isClaimed: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(places, { maxLength: 30 }), fc.nat(2), fc.nat(2), (all, rank, spared) => {
      const promised = createPromised()
      for (const one of all) promise(promised, place(one))
      for (const one of all) if (!one.isKept) release(promised, place(one), one.isClaimed)
      for (const llm of [0, 1]) {
        const { requests, inputTokens } = promisedBefore(promised, follower('a', rank, spared))(llm)
        const kept = all.filter((one) => one.isKept && one.llm === llm && one.rank <= rank)
        expect(requests).toBeLessThanOrEqual(kept.length)
        expect(inputTokens).toBeLessThanOrEqual(kept.reduce((sum, { cost }) => sum + cost.inputTokens, 0))
      }
      for (const one of all) if (one.isKept) release(promised, place(one), true)
      expect(promised.bands.map(({ count, clients }) => [count, clients.size])).toEqual(Array(3).fill([0, 0]))
      expect(promised.bands.flatMap(({ planned }) => planned.filter(Boolean))).toEqual(
        promised.bands.flatMap(({ planned }) =>
          planned.filter(Boolean).map(() => ({ requests: 0, inputTokens: 0, outputTokens: 0 })),
        ),
      )
    }),
  )
})
