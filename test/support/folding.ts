import { createBalancer } from '../../src/actors/balancer.ts'
import { type Checkpoint, checkpointOf, checkpointText, restore } from '../../src/core/checkpoint.ts'
import type { Event } from '../../src/core/events.ts'
import { createFold, type Fold, foldInto } from '../../src/core/fold.ts'
import { createRandom } from '../../src/core/random.ts'
import type { LlmSpec } from '../../src/core/types.ts'

/** A way to make balancers that are held against the fold of what they record, at random positions. */
export interface Watch {
  readonly create: typeof createBalancer
  readonly events: readonly Event[]
  /** What was found at each position that was looked at: the live state, and the same by folding. */
  readonly looks: readonly Look[]
}

export interface Look {
  readonly seq: number
  /** As of which the states are told, in ms since 1970. */
  readonly at: number
  readonly live: Checkpoint
  /** Folded from the first event on. */
  readonly folded: Checkpoint
  /** Folded from a checkpoint of the live state on, which went through JSON. */
  readonly resumed: Checkpoint
}

/** Looks before one fact of `every` on average. */
export function watchFolds(specs: readonly LlmSpec[], seed: number, every: number): Watch {
  const random = createRandom(seed, 'looks')
  const events: Event[] = []
  const looks: Look[] = []
  const whole = createFold(specs)
  let folded = 0
  /** The last checkpoint: its pieces are put together only when the live state has moved on. */
  let taken = { text: checkpointText(createFold(specs), 0), events: 0 }

  function look(live: Fold, now: number): void {
    for (; folded < events.length; folded++) foldInto(whole, events[folded]!)
    const resumed = restore(JSON.parse([...{ [Symbol.iterator]: () => taken.text }].join('')), specs)
    for (const event of events.slice(taken.events)) foldInto(resumed, event)
    looks.push({
      seq: events.length,
      at: now,
      live: checkpointOf(live, now),
      folded: checkpointOf(whole, now),
      resumed: checkpointOf(resumed, now),
    })
    taken = { text: checkpointText(live, now), events: events.length }
  }
  return {
    events,
    looks,
    create(options, prefix) {
      const record = (event: Event) => {
        events.push(event)
        options.record(event)
      }
      const balancer = createBalancer({ ...options, record }, prefix)
      return {
        ...balancer,
        ingest(type, ...rest) {
          if (type !== 'process.started' && random.integer(every) === 0)
            look(balancer.folded(), options.clock.now())
          return balancer.ingest(type, ...rest)
        },
      }
    },
  }
}
