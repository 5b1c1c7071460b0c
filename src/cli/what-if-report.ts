import type { LlmFigures } from '../sim/totals.ts'
import type { Change, WhatIf } from '../replay/what-if/what-if.ts'
import type { Side } from '../replay/what-if/side.ts'
import { table } from './table.ts'
import { counted, grouped } from './terminal.ts'
import { minutes } from './times.ts'

/**
 * What another configuration would have done, for people. At most `most` of the changed requests are listed. `control`
 * is the same under the recorded configuration, where it was asked for.
 */
export function describeWhatIf(result: WhatIf, most: number, control: WhatIf | null): string {
  const { recorded, other, changes } = result
  const sides = [recorded, other, ...(control === null ? [] : [control.other])]
  const head = ['', 'recorded', 'what if', ...(control === null ? [] : ['control'])]
  const parts = [
    spanOf(result),
    columns([head, ...rowsOf(sides)], 1),
    columns(llmRows(recorded.llms, other.llms), 1),
    columns(limitRows(recorded.llms, other.llms), 2) ||
      'No limit kept a request waiting, in neither of the two.\n',
    fatesOf(changes, most),
    `${basisOf(result)}\n${control === null ? '' : controlText(control)}`,
  ]
  return parts.join('\n')
}

function spanOf({ from, to, processes, configurations, unfinished, from_within: within }: WhatIf): string {
  const span = `${new Date(from).toISOString()} to ${new Date(to).toISOString()}`
  const starts = `${counted(processes, 'process', 'processes')}, ${counted(configurations, 'configuration', 'configurations')} in the log`
  const state = within
    ? 'It begins within a process: what was used before counts, and what waited then goes first.\n'
    : ''
  const left =
    unfinished === 0
      ? ''
      : `${counted(unfinished, 'request has', 'requests have')} no end in the log and ${unfinished === 1 ? 'is' : 'are'} left out.\n`
  return `${span}: ${starts}\n${state}${left}`
}

function rowsOf(sides: readonly Side[]): string[][] {
  const row = (name: string, of: (side: Side) => string) => [name, ...sides.map(of)]
  return [
    row('requests', ({ requests }) => grouped(requests)),
    row('answered', ({ completed }) => grouped(completed)),
    row('rejected', ({ rejected }) => grouped(rejected)),
    row('expired', ({ expired }) => grouped(expired)),
    row('failed', ({ failed }) => grouped(failed)),
    row('abandoned', ({ abandoned }) => grouped(abandoned)),
    row('wait p50', ({ wait }) => minutes(wait.p50_ms)),
    row('wait p95', ({ wait }) => minutes(wait.p95_ms)),
    row('wait p99', ({ wait }) => minutes(wait.p99_ms)),
    row('answer p50', ({ answer }) => minutes(answer.p50_ms)),
    row('answer p95', ({ answer }) => minutes(answer.p95_ms)),
    row('tokens in', ({ input_tokens: tokens }) => grouped(tokens)),
    row('tokens out', ({ output_tokens: tokens }) => grouped(tokens)),
    row('cost USD', (side) => side.cost_usd.toFixed(4)),
    row('mean quality', ({ quality }) => quality?.toFixed(3) ?? '-'),
    row('429s', (side) => grouped(side.rate_limited)),
  ]
}

function llmRows(recorded: readonly LlmFigures[], other: readonly LlmFigures[]): string[][] {
  const head = ['LLM', 'answers', 'what if', 'share', 'what if', 'cost USD', 'what if']
  return [
    head,
    ...namesOf(recorded, other).map((name) => {
      const sides = [recorded, other].map((llms) => llms.find(({ llm }) => llm === name))
      const cells = (of: (llm: LlmFigures) => string) =>
        sides.map((llm) => (llm === undefined ? '-' : of(llm)))
      return [
        name,
        ...cells(({ requests }) => grouped(requests)),
        ...cells(({ share }) => `${(share * 100).toFixed(1)} %`),
        ...cells((llm) => llm.cost_usd.toFixed(4)),
      ]
    }),
  ]
}

/** The limits that left no room while requests waited; none at all is an empty list. */
function limitRows(recorded: readonly LlmFigures[], other: readonly LlmFigures[]): string[][] {
  const rows = namesOf(recorded, other).flatMap((name) => {
    const bounds = [recorded, other].map((llms) => llms.find(({ llm }) => llm === name)?.bound ?? [])
    const limits = new Set(bounds.flat().map(({ limit }) => limit))
    return [...limits].map((limit) => {
      const times = bounds.map((all) => all.find((bound) => bound.limit === limit)?.ms ?? 0)
      return [name, limit, ...times.map(minutes)]
    })
  })
  return rows.length === 0
    ? []
    : [['LLM', 'limit that kept requests waiting', 'recorded', 'what if'], ...rows]
}

function namesOf(recorded: readonly LlmFigures[], other: readonly LlmFigures[]): string[] {
  return [...new Set([...other, ...recorded].map(({ llm }) => llm))]
}

function fatesOf(changes: readonly Change[], most: number): string {
  if (changes.length === 0) return 'No request ends in another way.\n'
  const counts = new Map<string, number>()
  for (const { from, to } of changes) {
    const key = `${from} -> ${to}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const kinds = [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([key, count]) => [grouped(count), key])
  const title = `${counted(changes.length, 'request ends', 'requests end')} in another way:\n`
  const listed = changes
    .slice(0, most)
    .map(({ request, at, client, from, to }) => [
      request,
      new Date(at).toISOString(),
      client,
      `${from} -> ${to}`,
    ])
  const rest = changes.length - listed.length
  const more = rest > 0 ? `and ${grouped(rest)} more; --json has all\n` : ''
  return `${title}${table(kinds, 0)}\n${table([['request', 'came at', 'client', 'recorded -> what if'], ...listed], 3)}${more}`
}

/** How much of it is from the log. */
function basisOf({ provenance, parted_after: parted }: WhatIf): string {
  const { recorded, measured, configured, assumed, refused, lengths_modelled: lengths } = provenance
  const modelled = measured + configured + assumed
  const ways = [
    measured > 0 ? `${grouped(measured)} by the speed of their model in the log` : '',
    configured > 0 ? `${grouped(configured)} by the configured speed of a simulated LLM` : '',
    assumed > 0 ? `${grouped(assumed)} by that of an ordinary LLM` : '',
  ].filter((way) => way !== '')
  const lines = [
    parted === null
      ? 'Every decision is as recorded.'
      : `Every decision is as recorded up to event ${parted.seq} at ${new Date(parted.at).toISOString()}; from there on calls are simulated.`,
    modelled === 0
      ? `All ${grouped(recorded)} service times are recorded.`
      : `${grouped(recorded)} of ${grouped(recorded + modelled)} service times are recorded; ${grouped(modelled)} modelled: ${ways.join(', ')}.`,
    lengths === 0
      ? ''
      : `${counted(lengths, 'answer has', 'answers have')} the usual length, as the log has none.`,
    refused === 0
      ? ''
      : `${counted(refused, 'call was', 'calls were')} refused for a limit that the configuration declares.`,
  ]
  return lines.filter((line) => line !== '').join('\n')
}

function controlText({ changes }: WhatIf): string {
  return `Control: simulated in the same way, the recorded configuration itself has ${counted(changes.length, 'request', 'requests')} end in another way. A difference no larger than that may be chance.\n`
}

/** A table whose last column is of numbers too. */
function columns(rows: readonly string[][], left: number): string {
  return table(
    rows.map((row) => [...row, '']),
    left,
  )
}
