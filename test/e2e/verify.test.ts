import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from './harness.ts'
import { recordLive } from './live-log.ts'
import { RUNTIMES } from './runtimes.ts'
import type { World } from './world.ts'

describe.each(RUNTIMES)('a log of a server on %s that was killed twice under load', (runtime) => {
  let world: World<string>
  beforeAll(async () => {
    world = await recordLive({ runtime, bursts: 3, requests: 60 })
  }, 60_000)
  afterAll(() => world?.close())

  test('has in it what makes verifying hard', () => {
    const types = new Set<string>(world.log().map(({ type }) => type))
    for (const type of [
      ...['request.queued', 'request.retried', 'request.abandoned', 'request.rejected', 'request.expired'],
      ...['attempt.started', 'attempt.failed', 'llm.exhausted', 'llm.cooling', 'llm.disabled', 'timer.fired'],
    ])
      expect(types, type).toContain(type)
    const codes = world.log().map(({ data }) => (data as { code?: string }).code)
    expect(codes).toContain('restarted')
  })

  test.each(RUNTIMES)('is verified by %s, event by event', async (other) => {
    const args = ['replay', '--verify', '--json', '--log', world.server.dbPath]
    const { code, stdout, stderr } = await runCommand(other, args, { cwd: world.server.dir })
    expect(JSON.parse(stdout), stderr).toMatchObject({
      events: world.log().length,
      processes: 3,
      unverified: [],
      difference: null,
    })
    expect(code).toBe(0)
  })
})
