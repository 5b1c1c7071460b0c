import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Event, isTerminal } from '../../src/core/events.ts'
import type { LimitSpec } from '../fakes/limiter.ts'
import { killAgainAndAgain } from './kills.ts'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, type World } from './world.ts'

const PER_WINDOW = 8
const limits: LimitSpec[] = [
  { unit: 'requests', amount: PER_WINDOW, perMs: 1000 },
  { unit: 'tokens', amount: 400, perMs: 1000, window: 'bucket' },
]
const declared = limits.map(({ unit, amount, perMs }) => ({ unit, amount, per: `${perMs}ms` }))
/** After how many calls of a burst the server is killed; the first ones leave a nearly unused window behind. */
const KILLS = { bun: [1, 5, PER_WINDOW], node: [5], deno: [PER_WINDOW] }

describe.each(RUNTIMES)('killed in the middle of a burst, %s', (runtime) => {
  let world: World<'only'>
  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: {
        only: { options: { limits: { limits }, delayMs: 5, chunkDelayMs: 3 }, config: { limits: declared } },
      },
    })
  })
  afterAll(() => world?.close())

  /** How many of a burst of requests were answered in full. */
  async function burst(): Promise<number> {
    const answers = Array.from({ length: 2 * PER_WINDOW }, async (_, index) => {
      const answer = await world.ask(
        say('only', `Request ${index}`, { max_tokens: 10, stream: index % 2 === 0 }),
      )
      return (await answer.text()).includes('stop')
    })
    const settled = await Promise.allSettled(answers)
    return settled.filter((each) => each.status === 'fulfilled' && each.value).length
  }

  test('overruns no limit after the restart', { timeout: 60_000 }, async () => {
    const { limiter } = world.fakes.only
    for (const calls of KILLS[runtime]) {
      const arrived = world.fakes.only.arrived(world.fakes.only.requests.length + calls)
      const answers = burst()
      await arrived
      world.server.kill('SIGKILL')
      await world.server.exited
      await answers
      // Committed before the call: whatever the provider has counted, the log knows.
      const dispatched = world.log().filter(({ type }) => type === 'request.dispatched').length
      expect(dispatched).toBeGreaterThanOrEqual(world.fakes.only.requests.length)
      await world.restart()
    }
    expect(await burst()).toBe(2 * PER_WINDOW)
    expect(limiter.refusals).toEqual([])
    expect(limiter.peaks[0]).toBe(PER_WINDOW)
  })

  test('leaves a log without gaps, in which time never goes back', () => {
    const log = world.log()
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1))
    const times = log.map(({ at }) => at)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(log.filter(({ type }) => type === 'process.started')).toHaveLength(KILLS[runtime].length + 1)
  })

  test('gives every request exactly one end; for those under way it is the restart', async () => {
    const ends = await vi.waitFor(() => {
      const requests = world.log().filter(({ request }) => request !== null)
      const stories = [...Map.groupBy(requests, ({ request }) => request).values()]
      const each = stories.map((story) => story.filter(isEnd))
      // The log is committed in groups, the last of them a moment after the last answer.
      expect(each.filter(({ length }) => length !== 1)).toEqual([])
      return each
    })
    const failed = ends.flat().filter(({ type }) => type === 'request.failed') as Event[]
    expect(failed.length).toBeGreaterThan(0)
    for (const { data } of failed) expect(data).toMatchObject({ code: 'restarted', status: 503 })
  })
})

test.each([
  ['bun', 5],
  ['node', 2],
  ['deno', 2],
] as const)(
  '%s, killed %d times under load at any instant, loses nothing that counts',
  {
    timeout: 60_000,
  },
  async (runtime, kills) => {
    const found = await killAgainAndAgain({ runtime, kills, seed: Date.now() })
    expect(found).toMatchObject({ kills, wrong: [] })
    expect(found.calls).toBeGreaterThan(kills)
  },
)

function isEnd({ type }: Event): boolean {
  return isTerminal(type)
}
