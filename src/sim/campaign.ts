import type { createBalancer } from '../actors/balancer.ts'
import type { Event } from '../core/events.ts'
import type { Violation } from './invariants.ts'
import { describeSwarm, drawSwarm } from './swarm.ts'
import { runTrial } from './trial.ts'

export interface SeedResult {
  readonly events: readonly Event[]
  /** Hash of the log; the same on every runtime. */
  readonly digest: number
  readonly violation: Violation | null
}

/** Runs the world of a seed twice: what must hold must hold, and the two logs must be the same. */
export function runSeed(seed: number, create?: typeof createBalancer): SeedResult {
  const { events, violation } = runTrial(drawSwarm(seed), create)
  const lines = events.map((event) => JSON.stringify(event))
  const digest = hashOf(lines)
  if (violation !== null) return { events, digest, violation }
  const again = runTrial(drawSwarm(seed), create).events.map((event) => JSON.stringify(event))
  const length = Math.max(lines.length, again.length)
  for (let i = 0; i < length; i++) {
    if (lines[i] === again[i]) continue
    const message = `the second run has ${again[i] ?? 'nothing more'}`
    return { events: events.slice(0, i + 1), digest, violation: { invariant: 'repeatable', message } }
  }
  return { events, digest, violation: null }
}

export interface CampaignOptions {
  readonly from: number
  readonly seeds: number
  /** Told after every seed that went well. */
  passed?(seed: number): void
}

export interface CampaignResult {
  readonly seeds: number
  readonly events: number
  readonly digest: number
  /** What to tell about the first seed that went wrong; null when none did. */
  readonly failure: string | null
}

/** Runs one seed after the other and stops at the first that goes wrong. */
export function runCampaign({ from, seeds, passed }: CampaignOptions): CampaignResult {
  let [events, digest] = [0, 0]
  for (let seed = from; seed < from + seeds; seed++) {
    const result = runSeed(seed)
    events += result.events.length
    digest = (Math.imul(digest, 31) + result.digest) >>> 0
    if (result.violation !== null)
      return { seeds: seed - from + 1, events, digest, failure: describeFailure(seed, result) }
    passed?.(seed)
  }
  return { seeds, events, digest, failure: null }
}

export const commandFor = (seed: number) => `npm run campaign -- --seeds 1 --from ${seed}`

const LAST_EVENTS = 30

/** The seed and its options, what did not hold, and the events that led to it. */
export function describeFailure(seed: number, { events, violation }: SeedResult): string {
  const last = events.slice(-LAST_EVENTS).map((event) => JSON.stringify(event))
  return [
    `seed ${seed}: ${describeSwarm(drawSwarm(seed))}`,
    `again: ${commandFor(seed)}`,
    `violated: ${violation?.invariant}: ${violation?.message}`,
    `the last ${last.length} of ${events.length} events:`,
    ...last.map((line) => `  ${line}`),
  ].join('\n')
}

/** FNV-1a over all characters. */
function hashOf(lines: readonly string[]): number {
  let hash = 0x811c9dc5
  for (const line of lines)
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
