import type { Cost, Most } from '../limits/account.ts'
import type { LlmView } from '../matching/choose.ts'
import { type Needs, scaled } from '../needs/estimate.ts'
import type { Size } from './flows.ts'
import { reservesBound } from '../needs/outputs.ts'
import { largestOf, leastOf, sizeClass } from '../needs/size-class.ts'
import type { Skill } from '../needs/skill.ts'
import type { Weights } from '../types.ts'

/** What makes requests alike for the scheduler: the LLMs they may go to, what they wish for, and how large they are. */
export interface Shape {
  readonly key: string
  /** Indexes of the LLMs, in the order of the configuration. */
  readonly llms: readonly number[]
  /** Smallest sizes that belong to it. */
  readonly inputTokens: number
  readonly outputTokens: number | null
  /** The largest prompt that belongs to it. */
  readonly inputTokensMost: number
  readonly choices: number
  readonly client: string
  /** Whether its requests came back from a failure. */
  readonly isReturned: boolean
}

type Shaped = Pick<Needs, 'inputTokens' | 'outputTokens' | 'choices'> & {
  readonly client: string
  readonly weights: Weights
  readonly eligible: readonly number[]
  readonly excluded: ReadonlySet<number>
  readonly auto: boolean
  readonly attempts: number
}

/**
 * The shape of a request. Sizes within a quarter of a power of two are alike, so that a queue of any length has few
 * shapes: about 80 sizes of prompt and as many of answer at the very most, and in practice some dozens.
 */
export function shapeOf(request: Shaped): Shape {
  const { eligible, excluded, weights, auto, attempts, choices } = request
  const llms = excluded.size === 0 ? eligible : eligible.filter((i) => !excluded.has(i))
  const input = sizeClass(request.inputTokens)
  const output = request.outputTokens === null ? -1 - choices : sizeClass(request.outputTokens)
  const wishes = `${weights.cost}:${weights.quality}:${weights.speed}`
  return {
    key: `${bitsOf(llms)}|${input}|${output}|${wishes}|${auto}|${attempts > 0}`,
    llms,
    inputTokens: leastOf(input),
    inputTokensMost: largestOf(input),
    outputTokens: request.outputTokens === null ? null : leastOf(output),
    choices,
    client: request.client,
    isReturned: attempts > 0,
  }
}

/** A set of small whole numbers in ascending order, as short text. */
export function bitsOf(numbers: readonly number[]): string {
  let text = ''
  let bits = 0
  let first = 0
  for (const n of numbers) {
    for (; n - first >= WORD; first += WORD) {
      text += `${bits.toString(36)},`
      bits = 0
    }
    bits |= 1 << (n - first)
  }
  return text + bits.toString(36)
}

const WORD = 30

/** What the prompt of a request of a shape takes of an LLM at least. Never falls as prompts get longer. */
function leastInputOn(skill: Skill, most: Most, inputTokens: number): number {
  return Math.min(scaled(inputTokens, skill.factor) + skill.overheadTokens, most.inputTokens)
}

/**
 * What requests take of an LLM at least that ask for `floor` or more, up to the largest of their shape, whatever
 * earlier answers say. The larger the prompt, the less the context and a limit on tokens leave for the answer.
 */
export function floorCostOn(view: LlmView, shape: Shape, floor: Size = shape): Cost {
  const { spec, skill, account } = view
  const { most } = account
  const inputTokens = leastInputOn(skill, most, floor.inputTokens)
  const { outputTokens } = floor
  if (outputTokens === null || !(spec.strict || reservesBound(spec))) return { inputTokens, outputTokens: 0 }
  const input = leastInputOn(skill, most, shape.inputTokensMost)
  const left = Math.min(outputTokens, most.outputTokens, most.tokens - input, spec.contextLength - input)
  return { inputTokens, outputTokens: Math.max(0, left) }
}
