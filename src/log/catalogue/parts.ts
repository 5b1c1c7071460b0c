import * as v from 'valibot'
import { FAILURE_CLASSES } from '../../core/events.ts'
import { UNITS } from '../../core/types.ts'

/** What the data of events are made of. */

export const text = v.string()
export const flag = v.boolean()
/** An integer of at least 0: tokens, ms, bytes, nano-USD. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
export const integer = v.pipe(v.number(), v.safeInteger())
export const number = v.pipe(v.number(), v.finite())

/** A value of the data with its meaning, which `docs/events.md` tells. */
export function field<T extends v.GenericSchema>(meaning: string, schema: T) {
  return v.pipe(schema, v.description(meaning))
}

export const failureClass = v.picklist(FAILURE_CLASSES)

export const usage = v.strictObject({
  input_tokens: field('tokens of the prompt', count),
  output_tokens: field('tokens of the answer', count),
  cached_tokens: field('those of the prompt that the provider had in its cache', count),
})

export const reservation = v.strictObject({
  input_tokens: field('tokens set aside for the prompt', count),
  output_tokens: field('tokens set aside for the answer', count),
})

export const weights = v.strictObject({
  cost: field('how much a low price counts', number),
  quality: field('how much quality counts', number),
  speed: field('how much an early answer counts', number),
})

export const namedLimit = v.strictObject({
  unit: field('what it counts', v.nullable(v.picklist(UNITS))),
  per_ms: field('length of its window', v.nullable(count)),
})

export const limitReport = v.strictObject({
  unit: field('what it counts', v.picklist(UNITS)),
  per_ms: field('length of its window; null where the header does not say', v.nullable(count)),
  limit: field('how much it is', v.nullable(count)),
  remaining: field('how much is left', v.nullable(count)),
  reset_ms: field('time until it is completely free again', v.nullable(count)),
})

const scored = v.strictObject({
  llm: field('name of the LLM', text),
  score: field('the weighted mean of the parts, less what waiting costs', number),
  cost: field('part of the price, from 0 to 1', number),
  quality: field('part of quality, from 0 to 1', number),
  speed: field('part of speed, from 0 to 1', number),
})

const excluded = v.strictObject({
  llm: field('name of the LLM', text),
  excluded: field('why it could not take the request', text),
})

export const candidate = v.union([scored, excluded])

export const startsDisabled = v.strictObject({
  llm: field('name of the LLM', text),
  because: field('why it is disabled, for people', text),
})

export const inForce = v.strictObject({
  amount: field('how much is in force from now on', count),
  per_ms: field('length of the window', count),
  window: v.exactOptional(field('how it is counted', v.picklist(['fixed', 'bucket', 'sliding']))),
  phase_ms: v.exactOptional(
    field('when a fixed window begins, in ms since 1970, modulo its length; else null', v.nullable(count)),
  ),
  guard_ms: v.exactOptional(field('how far a call may be off from what is known of the window', count)),
})

/** The parts that have names of their own in `docs/events.md`. */
export const PARTS = {
  usage,
  reservation,
  weights,
  'named limit': namedLimit,
  'limit report': limitReport,
  'scored candidate': scored,
  'excluded candidate': excluded,
  'limit in force': inForce,
  'disabled LLM': startsDisabled,
} as const
