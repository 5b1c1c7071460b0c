import type { Event } from '../../src/core/events.ts'
import { START } from '../../src/sim/clock.ts'
import { runWorld } from '../../src/sim/run.ts'
import { drawSwarm } from '../../src/sim/swarm.ts'
import { runTrial } from '../../src/sim/trial.ts'
import { policyFor, provider, truth } from '../sim/support.ts'

/** The log of a world with one LLM of two requests a second; times are in ms since its start. */
export function recordedWorld({
  arrivals,
  crashes = [],
}: {
  arrivals: readonly number[]
  crashes?: readonly number[]
}): Event[] {
  const providers = [provider('A', { limits: [truth()] })]
  const { events } = runWorld(
    {
      seed: 1,
      policy: policyFor(providers),
      providers,
      crashes: crashes.map((atMs) => ({ atMs, downMs: 10 })),
      arrivals: arrivals.map((ms) => ({
        ...{ at: START + ms, client: 'a', model: 'auto', priority: 'normal' as const, stream: false },
        ...{ maxWaitMs: 60_000, inputTokens: 10, cachedTokens: 0, boundTokens: 10, answerTokens: 10 },
        leavesAfterMs: null,
      })),
    },
    { keep: true },
  )
  return asRead(events)
}

/** The log of the drawn world of a seed. */
export function drawnLog(seed: number): Event[] {
  return asRead(runTrial(drawSwarm(seed)).events)
}

/** Events as they come out of a log. */
function asRead(events: readonly Event[]): Event[] {
  return JSON.parse(JSON.stringify(events))
}
