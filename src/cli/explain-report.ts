import type {
  AttemptTold,
  CandidateAt,
  DecisionAt,
  Explanation,
  LimitAt,
  Phase,
} from '../replay/explain/explanation.ts'
import { seconds, usd } from '../log/narrate.ts'
import { table } from './table.ts'
import { grouped, printable } from './terminal.ts'
import { minutes } from './times.ts'

/** The life of a request, for people. */
export function describeExplanation(life: Explanation): string {
  const told = plain(life)
  const parts = [
    headOf(told),
    section(
      'What happened',
      told.story.map((line) => [`+${span(line.after_ms)}`, line.text]),
    ),
    section('Its time', told.phases.map(phaseRow)),
    ...told.decisions.map((decision, i) => decisionText(told, decision, i)),
    attemptsText(told),
    lines('What would have helped', told.helped),
    insteadText(told),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

/** The same in which no text of a client or provider moves the cursor or starts a line of its own. */
function plain(told: Explanation): Explanation {
  const text = JSON.stringify(told)
  return JSON.parse(text, (_, value) => (typeof value === 'string' ? printable(value) : value)) as Explanation
}

function headOf(told: Explanation): string {
  const { asked, tokens } = told
  const rows = [
    ['came', `${new Date(told.at).toISOString()} from ${asked.client}, as event ${told.seq}`],
    ['asked for', `model "${asked.model}" (${asked.endpoint}): ${featuresOf(asked)}`],
    ['needs', `about ${tokensText(asked.input_tokens)} in, ${boundText(asked.output_tokens)}`],
    ['may', `wait for ${span(asked.max_wait_ms)} at ${asked.priority} priority${boundsText(asked)}`],
    ['weighs', weightsText(asked)],
    ['tokens', tokensLine(tokens)],
    ['cost', costText(told)],
    ['decided by', `configuration ${told.config_hash.slice(0, 12)}`],
  ]
  return `${told.request} ${fateText(told)}\n\n${table(rows, 2)}`
}

function fateText({ fate, attempts, end, as_of: asOf, at, phases }: Explanation): string {
  const llm = attempts.at(-1)?.llm
  const sinceThen = `as of event ${asOf.seq}, ${span(asOf.at - at)} after it came`
  const waited = phases.reduce((sum, { what, ms }) => (what === 'call' ? sum : sum + ms), 0)
  const of = `after ${span(end?.duration_ms ?? 0)}, ${span(waited)} of it waiting`
  switch (fate) {
    case 'completed':
      return `was completed by ${llm} ${of}`
    case 'failed':
      return `failed ${of}: ${end!.status} ${end!.code}`
    case 'rejected':
      return `was refused ${end!.duration_ms === 0 ? 'on arrival' : of}: ${end!.status} ${end!.code}`
    case 'expired':
      return `expired ${of}: ${end!.message}`
    case 'abandoned':
      return `was abandoned ${of}: ${end!.message}`
    case 'waiting':
      return `still waits ${sinceThen}`
    case 'running':
      return `is still under way at ${llm} ${sinceThen}`
  }
}

function costText({ cost_nano_usd: cost, end, attempts }: Explanation): string {
  if (cost !== null) return `$${usd(cost)}`
  if (end === null) return 'not known yet'
  return attempts.length === 0 ? 'nothing' : 'not known: its call was cut'
}

function featuresOf({ modes, tools, structured, stream, choices }: Explanation['asked']): string {
  const some = [...modes, tools && 'tools', structured && 'structured output', stream && 'streamed']
  return [...some, choices > 1 && `${choices} answers`].filter((one) => one !== false).join(', ')
}

function boundText(tokens: number | null): string {
  return tokens === null ? 'no bound on the answer' : `at most ${tokensText(tokens)} out`
}

function boundsText({ min_quality: quality, max_cost_nano_usd: cost }: Explanation['asked']): string {
  const least = quality === null ? '' : `; quality at least ${quality / 1000}`
  return cost === null ? least : `${least}; cost at most $${usd(cost)}`
}

function weightsText({
  weights: { cost, quality, speed },
  weights_from: from,
}: Explanation['asked']): string {
  const whose = { request: "the request's own", model: 'those of its name', general: 'the general ones' }
  return `cost ${cost}, quality ${quality}, speed ${speed} (${whose[from]})`
}

function tokensLine({ reserved, used, assumed }: Explanation['tokens']): string {
  if (reserved === null) return 'none set aside'
  const aside = `${reserved.input_tokens} + ${reserved.output_tokens} set aside`
  if (used === null) return aside
  return `${aside}, ${used.input_tokens} + ${used.output_tokens} used${assumed ? ' (assumed: the provider told nothing)' : ''}`
}

function phaseRow({ what, ms, to, for: reason }: Phase): string[] {
  const lasts = to === null ? `${span(ms)} so far` : span(ms)
  if (what === 'call') return [lasts, `call to ${reason}`]
  return [lasts, `waiting for ${reason}`]
}

function decisionText({ at }: Explanation, decision: DecisionAt, index: number): string {
  const { what, llm, waiting, candidates, seq } = decision
  const when = index === 0 ? 'on arrival' : `+${span(decision.at - at)}`
  const taken = llm === null ? (what ?? 'nothing decided yet') : `${what} to ${llm}`
  const others = waiting === 0 ? '' : `, ${grouped(waiting)} ${waiting === 1 ? 'other' : 'others'} waiting`
  const title = `The LLMs ${when} (event ${seq}: ${taken}${others})`
  const head = [
    'LLM',
    'cost',
    'quality',
    'speed',
    'score now',
    'after its wait',
    'could start',
    'price',
    'why',
  ]
  const rows = candidates.map((candidate) => candidateRow(candidate, decision))
  const text = `${title}\n${table([head, ...rows], 1)}`
  return `${text}${limitsText(candidates, decision.at)}`
}

function candidateRow(candidate: CandidateAt, { at, llm }: DecisionAt): string[] {
  const { score, cost_nano_usd: price } = candidate
  const parts = score === null ? ['-', '-', '-', '-', '-'] : scoreCells(score)
  const name = candidate.llm === llm ? `${candidate.llm} *` : candidate.llm
  return [name, ...parts, startText(candidate, at), `$${usd(price)}`, whyText(candidate, at)]
}

function scoreCells({ cost, quality, speed, now, after_wait }: NonNullable<CandidateAt['score']>): string[] {
  return [cost, quality, speed, now, after_wait ?? '-'].map(String)
}

function startText({ never, starts_at: startsAt }: CandidateAt, at: number): string {
  if (never !== null) return 'never'
  if (startsAt === null) return 'unknown'
  return startsAt <= at ? 'at once' : `in ${span(startsAt - at)}`
}

function whyText(candidate: CandidateAt, at: number): string {
  const { never, aside, status, because, until, limits } = candidate
  if (never !== null) return never
  if (until !== null) return `${status} for ${span(Math.max(0, until - at))} more: ${because}`
  if (status === 'disabled') return `disabled: ${because}`
  if (aside !== null) return aside
  const blocked = limits.filter(({ fits }) => !fits)
  return blocked.length === 0 ? 'has room' : `no room in ${blocked.map(({ limit }) => limit).join(', ')}`
}

/** Each limit against what was asked of it, for the LLMs that could ever take the request. */
function limitsText(candidates: readonly CandidateAt[], at: number): string {
  const rows = candidates.flatMap((candidate) =>
    candidate.never === null
      ? [contextRow(candidate), ...candidate.limits.map((one) => limitRow(candidate, one, at))]
      : [],
  )
  if (rows.length === 0) return ''
  const head = ['LLM', 'limit', 'used', 'reserved', 'kept', 'asked', 'of', 'room']
  return `\n${table([head, ...rows], 2)}`
}

function contextRow({ llm, context }: CandidateAt): string[] {
  return [llm, 'context_length', '', '', '', grouped(context.tokens), grouped(context.length), 'fits']
}

function limitRow({ llm }: CandidateAt, limit: LimitAt, at: number): string[] {
  const { used, reserved, kept, asked, amount, declared } = limit
  const of = amount === declared ? grouped(amount) : `${grouped(amount)} (${grouped(declared)} declared)`
  return [llm, limit.limit, ...[used, reserved, kept, asked].map(grouped), of, roomText(limit, at)]
}

function roomText({ fits, fits_at: fitsAt, paced, at_least: least }: LimitAt, at: number): string {
  if (fits) return 'fits'
  const when = fitsAt === null ? 'once a call ends' : `in ${span(fitsAt - at)}`
  return `${when}${paced ? ', paced' : ''}${least === null ? '' : `; at once with ${grouped(least)}`}`
}

function attemptsText({ at, attempts }: Explanation): string {
  if (attempts.length === 0) return ''
  const head = ['attempt', 'LLM', 'started', 'waited', 'set aside', 'status', 'first byte', 'took', 'outcome']
  const followed = attempts.flatMap(({ attempt, failure }) =>
    (failure?.followed ?? []).map((text) => `  after attempt ${attempt}: ${text}\n`),
  )
  return `Attempts\n${table([head, ...attempts.map((one) => attemptRow(one, at))], 2)}${followed.join('')}`
}

function attemptRow(told: AttemptTold, from: number): string[] {
  const { attempt, llm, at, wait_ms: waited, reserved, status } = told
  const optional = (ms: number | null) => (ms === null ? '-' : span(ms))
  return [
    String(attempt),
    llm,
    `+${span(at - from)}`,
    span(waited),
    `${reserved.input_tokens} + ${reserved.output_tokens}`,
    status === null ? '-' : String(status),
    optional(told.first_byte_ms),
    optional(told.duration_ms),
    outcomeText(told),
  ]
}

function outcomeText({ outcome, failure, finish_reason: reason }: AttemptTold): string {
  if (failure !== null)
    return `${failure.class}: ${failure.message}${failure.delivered ? ' (a part had been delivered)' : ''}`
  if (outcome === 'finished') return reason === null ? 'finished' : `finished (${reason})`
  return outcome === 'cut' ? 'cut off' : 'under way'
}

function insteadText({ decisions, instead, helped, assumes }: Explanation): string {
  const possible = new Set(
    decisions[0]!.candidates.filter(({ never }) => never === null).map(({ llm }) => llm),
  )
  if (possible.size === 0) return ''
  const priced = instead.filter(({ llm }) => possible.has(llm))
  const costs = priced.map(({ llm, cost_nano_usd: cost }) => `${llm} $${usd(cost)}`).join(', ')
  const cost = costs === '' ? [] : [`Its price by LLM: ${costs}.`]
  const rows = [...instead.map(({ text }) => text).filter((text) => !helped.includes(text)), ...cost, assumes]
  return lines('What else could have been', rows)
}

function lines(title: string, texts: readonly string[]): string {
  return texts.length === 0 ? '' : `${title}\n${texts.map((text) => `  ${text}\n`).join('')}`
}

function section(title: string, rows: readonly string[][]): string {
  const body = table(rows, 0).replace(/^(?=.)/gm, '  ')
  return rows.length === 0 ? '' : `${title}\n${body}`
}

/** `250 ms`, `12.3 s`, up to ten minutes; then `12m 3s`. */
function span(ms: number): string {
  return ms < 600_000 ? seconds(ms) : minutes(ms)
}

function tokensText(tokens: number): string {
  return `${grouped(tokens)} tokens`
}
