import type { Cost } from './account.ts'
import type { LlmView } from './choose.ts'
import type { Quota, Quotas } from './quotas.ts'
import { floorCostOn } from './shape.ts'
import type { Skill } from './skill.ts'

/** All that an LLM can ever take, the largest first, as of what was known then of how it counts. */
export interface Menu {
  readonly dishes: readonly Dish[]
  /** Those that came back from a failure. */
  readonly returned: readonly Dish[]
  readonly skill: Skill
}

/** What one request of a quota takes of an LLM: about, and at least. */
export interface Dish {
  readonly quota: Quota
  readonly tokens: number
  readonly least: number
}

/** What an LLM can ever take, the largest first. Worked out anew once the LLM counts clearly less than it did. */
export function menuOf({ sorted, menus }: Quotas, llm: number, view: LlmView): Menu {
  const known = menus[llm]
  if (known !== undefined && !countsLess(view.skill, known.skill)) return known
  const dishes = sorted
    .filter(({ stock }) => stock.shape.llms.includes(llm))
    .map((quota) => dishOf(quota, llm, view))
    .sort((a, b) => b.tokens - a.tokens)
  const returned = dishes.filter(({ quota }) => quota.stock.shape.isReturned)
  const menu = { dishes, returned, skill: view.skill }
  menus[llm] = menu
  return menu
}

function countsLess(now: Skill, then: Skill): boolean {
  return now.factor < LESS * then.factor || now.overheadTokens < LESS * then.overheadTokens
}

/** From here on a provider counts clearly less than before. What takes more than the room over this fits nowhere. */
export const LESS = 7 / 8

function dishOf(quota: Quota, llm: number, view: LlmView): Dish {
  const { stock, offers } = quota
  const least = tokensOf(floorCostOn(view, { shape: stock.shape, floor: stock.shape }))
  const offer = offers.find((one) => one.llm === llm)
  return { quota, tokens: offer === undefined ? least : tokensOf(offer.cost), least }
}

function tokensOf({ inputTokens, outputTokens }: Cost): number {
  return inputTokens + outputTokens
}
