import * as v from 'valibot'
import { amount, choice, decimal, described, duration, flag, integer, name, text } from '../config/fields.ts'
import { DAY_MS } from '../config/units.ts'
import { PRIORITIES } from '../core/types.ts'

export const PATTERNS = ['burst', 'steady', 'random', 'on_off', 'profile'] as const

const TOKENS_MAX = 10_000_000
const LONGEST_MS = 400 * DAY_MS

/** Hint: the mapping comes first, so that its unknown keys are looked for. */
const tokens = () =>
  v.union(
    [
      v.strictObject({
        least: v.optional(described('The smallest number.', integer(0, TOKENS_MAX)), 1),
        mean: described('The average.', integer(0, TOKENS_MAX)),
        most: described('The largest number.', integer(1, TOKENS_MAX)),
      }),
      integer(0, TOKENS_MAX),
    ],
    'expected a number of tokens, or least, mean and most',
  )

const rate = () => decimal(0.001, 10_000_000)

const sourceSchema = v.strictObject({
  client: v.optional(
    described('Name of the client; its priority is that of the configuration.', name()),
    'anybody',
  ),
  model: v.optional(described('What its requests ask for.', text()), 'auto'),
  pattern: described('When its requests come.', choice(PATTERNS)),
  requests: v.optional(described('Requests of one burst.', amount())),
  at: v.optional(described('When the first burst comes.', duration(0, LONGEST_MS)), '0s'),
  every: v.optional(
    described('Time between two bursts; one burst only when not given.', duration(1, LONGEST_MS)),
  ),
  per_hour: v.optional(
    described(
      'Requests per hour; for a profile a list, one number for each hour, over and over.',
      v.union(
        [rate(), v.pipe(v.array(decimal(0, 10_000_000)), v.minLength(1))],
        'expected requests per hour',
      ),
    ),
  ),
  on: v.optional(described('How long a source is on.', duration(1, LONGEST_MS)), '1m'),
  off: v.optional(described('How long it is off.', duration(1, LONGEST_MS)), '1m'),
  priority: v.optional(described("Instead of the client's priority.", choice(PRIORITIES))),
  stream: v.optional(described('Whether answers are streamed.', flag()), true),
  max_wait: v.optional(described('Instead of queue.max_wait.', duration(0))),
  input_tokens: v.optional(described('Size of the prompts.', tokens()), { mean: 600, most: 8000 }),
  output_tokens: v.optional(described('Size of the answers.', tokens()), { mean: 250, most: 2000 }),
  max_tokens: v.optional(
    described('The bound that requests set; none when not given.', integer(1, TOKENS_MAX)),
  ),
  leave_share: v.optional(described('Share of the clients that leave, 0 to 1.', decimal(0, 1)), 0),
  leave_after: v.optional(described('How long they stay on average.', duration(1)), '30s'),
})

const llmSchema = v.strictObject({
  first_byte: v.optional(described('Time until an answer begins, on average.', duration(1)), '600ms'),
  tokens_per_second: v.optional(described('Speed of an answer.', decimal(0.1, 1e6)), 80),
})

/** A workload as it is written in a file. */
export const workloadSchema = v.strictObject({
  for: v.optional(described('How long requests come, unless --for says so.', duration(1, LONGEST_MS)), '1h'),
  sources: described('Who sends what.', v.pipe(v.array(sourceSchema), v.minLength(1, 'lists no source'))),
  llms: v.optional(
    described('How fast LLMs are, by their names in the configuration.', v.record(v.string(), llmSchema)),
    {},
  ),
})

export type RawWorkload = v.InferOutput<typeof workloadSchema>
export type RawSource = RawWorkload['sources'][number]
export type WorkloadInput = v.InferInput<typeof workloadSchema>
