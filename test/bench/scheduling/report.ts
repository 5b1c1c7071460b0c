import type { Line } from '../report.ts'
import { AIMS, type Aim, BALANCER, type Outcome, type Results } from './measure.ts'
import { MIXES } from './workloads.ts'

const SMALL = 300
const LARGE = 1200
const MAKESPAN_TARGET = 1.15
const EXCESS_TARGET = 1
const COST_TARGET = 1.1
const QUALITY_TARGET = 1.1

/** Holds the balancer against the targets of the project. Figures that were not measured are left out. */
export function verdicts({ outcomes }: Results): Line[] {
  const own = (aim: Aim, count: number) =>
    outcomes.filter((one) => one.policy === BALANCER && one.aim === aim && one.count === count)
  const makespans = Object.keys(MIXES).map((mix) => {
    const seen = own('speed', LARGE).filter((one) => one.mix === mix)
    return figure(
      `makespan / bound, ${mix}, ${LARGE} requests, median`,
      median(seen.map(makespan)),
      MAKESPAN_TARGET,
    )
  })
  const excess = Object.keys(MIXES).map((mix) => {
    const seen = own('speed', SMALL).filter((one) => one.mix === mix)
    return figure(
      `windows beyond the bound, ${mix}, ${SMALL} requests, worst`,
      worst(seen.map(windows)),
      EXCESS_TARGET,
    )
  })
  const prices = (['cost', 'cost, in time'] as const).flatMap((aim) =>
    [SMALL, LARGE].map((count) =>
      figure(
        `cost / least cost, ${aim}, ${count} requests, median`,
        median(own(aim, count).flatMap(cost)),
        COST_TARGET,
      ),
    ),
  )
  const qualities = (['quality', 'quality, in time'] as const).flatMap((aim) =>
    [SMALL, LARGE].map((count) =>
      figure(
        `best quality / quality, ${aim}, ${count} requests, median`,
        median(own(aim, count).flatMap(quality)),
        QUALITY_TARGET,
      ),
    ),
  )
  return [...makespans, ...excess, ...prices, ...qualities].filter((line) => line !== null)
}

function figure(what: string, value: number | null, most: number): Line | null {
  return value === null ? null : { what, value: shown(value), target: `at most ${most}`, met: value <= most }
}

/** All tables in Markdown, verdicts first. */
export function render(lines: readonly Line[], results: Results): string {
  const { outcomes, cpuUs, size } = results
  const reached = lines.map(({ what, value, target, met }) => [
    what,
    value,
    target,
    met ? 'reached' : '**NOT reached**',
  ])
  const columns = size.counts.flatMap((count) => Object.keys(MIXES).map((mix) => ({ count, mix })))
  const heads = columns.map(({ count, mix }) => `${mix} ${count}`)
  const cells = (of: (some: readonly Outcome[]) => string) =>
    policiesOf(outcomes, 'speed').map((policy) => [
      policy,
      ...columns.map(({ count, mix }) =>
        of(
          outcomes.filter(
            (one) => one.aim === 'speed' && one.policy === policy && one.count === count && one.mix === mix,
          ),
        ),
      ),
    ])
  return [
    ...(lines.length === 0 ? [] : [table(['what', 'measured', 'target', 'verdict'], reached)]),
    'Makespan over the bound, speed only, median / worst over fleets and bursts:',
    table(
      ['policy', ...heads],
      cells((some) => spread(some.map(makespan))),
    ),
    'Windows of a minute beyond the bound, speed only, median / worst:',
    table(
      ['policy', ...heads],
      cells((some) => spread(some.map(windows), 0)),
    ),
    'Price over the least price, best quality over quality, both in the time that was taken, price over the least price in the wait that was given, and makespan over the bound, median / worst:',
    table(
      ['what counts', 'policy', 'requests', 'price', 'quality', 'price in the wait', 'makespan', 'lost'],
      tradeRows(results),
    ),
    'The price of the balancer by fleet, over the least price in the time that was taken, median / worst:',
    table(['what counts', 'requests', ...fleetsOf(results)], fleetRows(results, cost)),
    'The same over the least price in the wait that was given:',
    table(['what counts', 'requests', ...fleetsOf(results)], fleetRows(results, costInWait)),
    `Bursts of each kind on each fleet: ${size.seeds}. The balancer took ${cpuUs.toFixed(0)} us of CPU time for each request.`,
  ].join('\n\n')
}

/** Where more counts than speed. */
const TRADES = (Object.keys(AIMS) as Aim[]).filter((aim) => aim !== 'speed')

function tradeRows({ outcomes, size }: Results): string[][] {
  return TRADES.flatMap((aim) =>
    policiesOf(outcomes, aim).flatMap((policy) =>
      size.counts.map((count) => {
        const some = outcomes.filter((one) => one.aim === aim && one.policy === policy && one.count === count)
        const ratios = [
          some.flatMap(cost),
          some.flatMap(quality),
          some.flatMap(costInWait),
          some.map(makespan),
        ]
        const lost = some.reduce((sum, one) => sum + one.lost, 0)
        return [aim, policy, String(count), ...ratios.map((values) => spread(values)), String(lost)]
      }),
    ),
  )
}

/** The fleets that have a price. */
function fleetsOf({ outcomes }: Results): string[] {
  return [...new Set(outcomes.filter((one) => one.cost !== null).map(({ fleet }) => fleet))]
}

/** A row for each aim and count of which there is such a figure. */
function fleetRows(results: Results, figureOf: typeof cost): string[][] {
  const { outcomes, size } = results
  const aims = TRADES.filter((aim) => outcomes.some((one) => one.aim === aim && figureOf(one) !== NONE))
  return aims.flatMap((aim) =>
    size.counts.map((count) => {
      const some = outcomes.filter((one) => one.aim === aim && one.policy === BALANCER && one.count === count)
      const cells = fleetsOf(results).map((fleet) =>
        spread(some.filter((one) => one.fleet === fleet).flatMap(figureOf)),
      )
      return [aim, String(count), ...cells]
    }),
  )
}

function policiesOf(outcomes: readonly Outcome[], aim: Aim): string[] {
  return [...new Set(outcomes.filter((one) => one.aim === aim).map(({ policy }) => policy))]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

const makespan = (one: Outcome) => one.makespan
const windows = (one: Outcome) => one.excessWindows
const NONE: readonly number[] = []
const cost = (one: Outcome) => one.cost ?? NONE
const costInWait = (one: Outcome) => one.costInWait ?? NONE
const quality = (one: Outcome) => one.quality ?? NONE

/** The middle value; the upper one of two. */
export function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null
}

function worst(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}

function spread(values: readonly number[], digits = 2): string {
  const [middle, most] = [median(values), worst(values)]
  return middle === null || most === null ? '' : `${shown(middle, digits)} / ${shown(most, digits)}`
}

function shown(value: number, digits = 3): string {
  return Number.isFinite(value)
    ? value.toFixed(Number.isInteger(value) ? Math.min(digits, 2) : digits)
    : 'infinite'
}
