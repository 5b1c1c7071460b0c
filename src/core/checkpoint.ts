import { AVAILABLE, createFold, type Fold, type FoldedLlm, type OpenRequest, type Standing } from './fold.ts'
import type { Hours } from './limits/hours.ts'
import {
  copyOfLedger,
  type HiddenRecord,
  hiddenOf,
  type LedgerRecord,
  recordOf,
  restoreHidden,
  restoreLedger,
} from './limits/record.ts'
import type { Ledger } from './limits/ledger.ts'
import type { Outputs } from './needs/outputs.ts'
import type { Skill } from './needs/skill.ts'
import type { Sketch } from './needs/sketch.ts'
import type { LlmSpec } from './types.ts'

/**
 * The folded state as plain JSON: integers, texts and lists. It says nothing that is in the configuration, and means
 * something only together with the one it was taken under.
 */
export interface Checkpoint {
  /** In the order of the configuration. */
  readonly llms: readonly LlmRecord[]
  readonly open: readonly (readonly [id: string, request: OpenRequest])[]
  readonly hours: Hours
  readonly hasJumped: boolean
}

interface LlmRecord {
  readonly name: string
  /** Left out where it is available. */
  readonly standing?: Standing
  readonly skill: SkillRecord
  /** Of the declared limits, in their order; null for one that is shared with an LLM before it. */
  readonly ledgers: readonly (LedgerRecord | null)[]
  readonly hidden?: readonly HiddenRecord[]
}

interface SkillRecord extends Omit<Skill, 'outputs'> {
  readonly all: Sketch
  readonly byClient: readonly (readonly [client: string, sketch: Sketch])[]
}

/**
 * The state as of `now`, ms since 1970, which is no earlier than the last event that was folded. Nothing of it is
 * shared with the fold but what never changes. O(state).
 */
export function checkpointOf({ llms, open, hours, hasJumped }: Fold, now: number): Checkpoint {
  const seen = new Set<Ledger>()
  return {
    llms: Array.from(llms.values(), (llm) => recordOfLlm(llm, seen, now)),
    open: Array.from(open, ([id, request]) => [id, { ...request }] as const),
    hours: { ...hours, counts: [...hours.counts] },
    hasJumped,
  }
}

/**
 * The same as JSON, in pieces that cost a few ms each: of the state as it is now, whatever happens to the fold before
 * the last of them. What is done at once is a copy of the ledgers.
 */
export function checkpointText(fold: Fold, now: number): Iterator<string> {
  const { llms, open, hours, hasJumped } = checkpointOf({ ...fold, llms: new Map() }, now)
  return piecesOf(copiesOf(fold), now, JSON.stringify({ llms, open, hours, hasJumped }))
}

/** `rest` is the whole without its LLMs, which come first in it. */
function* piecesOf(llms: readonly FoldedLlm[], now: number, rest: string): Generator<string> {
  const start = '{"llms":['
  yield start
  const seen = new Set<Ledger>()
  for (const [i, llm] of llms.entries())
    yield (i === 0 ? '' : ',') + JSON.stringify(recordOfLlm(llm, seen, now))
  yield rest.slice(start.length)
}

/** The LLMs as they are now; those that share a ledger share its copy. */
function copiesOf({ llms }: Fold): FoldedLlm[] {
  const copies = new Map<Ledger, Ledger>()
  const copyOf = (ledger: Ledger) => {
    const copy = copies.get(ledger) ?? copyOfLedger(ledger)
    copies.set(ledger, copy)
    return copy
  }
  return Array.from(llms.values(), (llm) => {
    const { account } = llm
    return { ...llm, account: { ...account, ledgers: account.ledgers.map(copyOf) } }
  })
}

/** The fold that a checkpoint was taken of. `specs` are those of its configuration. */
export function restore(checkpoint: Checkpoint, specs: readonly LlmSpec[]): Fold {
  const { llms, open, hours, hasJumped } = checkpoint
  const fold = createFold(specs)
  for (const record of llms) restoreLlm(fold.llms.get(record.name)!, record)
  for (const [id, request] of open) fold.open.set(id, { ...request })
  return { ...fold, hours: { ...hours, counts: [...hours.counts] }, hasJumped }
}

function recordOfLlm(
  { spec, account, skill, standing }: FoldedLlm,
  seen: Set<Ledger>,
  now: number,
): LlmRecord {
  const hidden = hiddenOf(account, now)
  const ledgers = account.ledgers
    .filter((ledger) => !ledger.hidden)
    .map((ledger) => (seen.has(ledger) ? null : recordOf(ledger, now)))
  for (const ledger of account.ledgers) seen.add(ledger)
  return {
    name: spec.name,
    ...(standing.status !== 'available' && { standing }),
    skill: recordOfSkill(skill),
    ledgers,
    ...(hidden.length > 0 && { hidden }),
  }
}

function restoreLlm(llm: FoldedLlm, { standing = AVAILABLE, skill, ledgers, hidden = [] }: LlmRecord): void {
  llm.standing = standing
  llm.skill = skillOf(skill)
  for (const [i, record] of ledgers.entries())
    if (record !== null) restoreLedger(llm.account.ledgers[i]!, record)
  for (const record of hidden) restoreHidden(llm.account, record)
}

function recordOfSkill({ outputs: { all, byClient }, ...rest }: Skill): SkillRecord {
  return { ...rest, all, byClient: [...byClient] }
}

function skillOf({ all, byClient, ...rest }: SkillRecord): Skill {
  const outputs: Outputs = { all, byClient: new Map(byClient) }
  return { ...rest, outputs }
}
