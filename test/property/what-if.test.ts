import { expect, test } from 'vitest'
import type { Event, EventOf } from '../../src/core/events.ts'
import { whatIf } from '../../src/replay/what-if.ts'
import type { Written } from '../../src/replay/what-if-translate.ts'
import { drawnLog } from '../replay/worlds.ts'
import { logOf } from '../support/log-of.ts'

const worlds = Number(process.env.LLB_TEST_RUNS ?? 100)

function configOf(log: readonly Event[]): Written {
  return (log[0] as EventOf<'process.started'>).data.config as Written
}

test('under the same configuration every event is the recorded one, whatever goes wrong in the world', () => {
  for (let seed = 1; seed <= worlds; seed++) {
    const recorded = drawnLog(seed)
    const events: Event[] = []
    const result = whatIf({
      log: logOf(recorded),
      config: configOf(recorded),
      event: (event) => void events.push(event),
    })
    expect(JSON.parse(JSON.stringify(events)), `seed ${seed}`).toEqual(recorded)
    expect(result.parted_after, `seed ${seed}`).toBeNull()
    expect(result.changes).toEqual([])
    expect(result.other).toEqual(result.recorded)
  }
})
