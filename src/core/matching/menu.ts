import type { Cost } from '../limits/account.ts'
import type { LlmView } from './choose.ts'
import { isHeldBack } from '../limits/held-back.ts'
import type { Quota } from './quota.ts'
import type { Quotas } from './quotas.ts'
import { floorCostOn } from '../queue/shape.ts'
import type { Skill } from '../needs/skill.ts'

/** All that an LLM can ever take, as of what was known then of how it counts. */
export interface Menu {
  /** The largest first. */
  readonly dishes: Dish[]
  /** By the least that is asked for, the smallest first. */
  readonly smallest: Dish[]
  /** Those that came back from a failure. */
  readonly returned: Dish[]
  /** How many of the quotas are in it. */
  known: number
  readonly skill: Skill
  /** Whether some limit keeps anything back from lower priorities. */
  readonly isHeld: boolean
  /** Whether some limit counts tokens of prompts or of answers apart. */
  readonly isSplit: boolean
}

/** What one request of a quota takes of an LLM: about, and at least. */
export interface Dish {
  readonly quota: Quota
  readonly tokens: number
  readonly least: number
  /** Neither it nor any larger one asks for less than this. */
  leastUp: number
}

/** What an LLM can ever take. Worked out anew once the LLM counts clearly otherwise than it did. */
export function menuOf({ all, menus }: Quotas, llm: number, view: LlmView): Menu {
  const known = menus[llm]
  const isKnown = known !== undefined && !countsOtherwise(view.skill, known.skill)
  const menu = isKnown ? known : emptyMenu(view)
  menus[llm] = menu
  if (menu.known < all.length) fill(menu, all, llm, view)
  return menu
}

/** Adds the quotas that a menu does not know yet. */
function fill(menu: Menu, all: readonly Quota[], llm: number, view: LlmView): void {
  for (; menu.known < all.length; menu.known++) {
    const quota = all[menu.known]!
    const cost = quota.costs[llm]
    if (cost === undefined) continue
    const least = tokensOf(floorCostOn(view, quota.stock.shape))
    const dish = { quota, tokens: tokensOf(cost), least, leastUp: least }
    menu.dishes.push(dish)
    menu.smallest.push(dish)
    if (quota.stock.shape.isReturned) menu.returned.push(dish)
  }
  menu.dishes.sort(byTokens)
  let leastUp = Number.POSITIVE_INFINITY
  for (const dish of menu.dishes) {
    leastUp = Math.min(leastUp, dish.least)
    dish.leastUp = leastUp
  }
  menu.smallest.sort((a, b) => a.least - b.least)
}

/** The largest first. */
export function byTokens(a: Dish, b: Dish): number {
  return b.tokens - a.tokens
}

function emptyMenu({ account: { ledgers }, skill }: LlmView): Menu {
  const isHeld = ledgers.some(({ limit }) => isHeldBack(limit))
  const isSplit = ledgers.some(({ limit: { unit } }) => unit === 'input_tokens' || unit === 'output_tokens')
  return { dishes: [], smallest: [], returned: [], known: 0, skill, isHeld, isSplit }
}

function countsOtherwise(now: Skill, then: Skill): boolean {
  return isFar(now.factor, then.factor) || isFar(now.overheadTokens, then.overheadTokens)
}

function isFar(one: number, other: number): boolean {
  return Math.min(one, other) < LESS * Math.max(one, other)
}

/** From here on a provider counts clearly less than before. */
const LESS = 7 / 8

/**
 * The part of what it asked for when the menu was made that a dish may ask for now. Where prompts count more, the
 * context may leave less for the answer.
 */
export function partOf({ skill: then }: Menu, { skill: now }: LlmView): number {
  return now.factor === then.factor && now.overheadTokens === then.overheadTokens ? 1 : LESS
}

/** Of prompt and answer together. */
export function tokensOf({ inputTokens, outputTokens }: Cost): number {
  return inputTokens + outputTokens
}
