import { accountOf, createAccount, LEAST } from '../../src/core/limits/account.ts'
import {
  admits,
  createLedger,
  type Ledger,
  nextAdmissible,
  reserve,
  settle,
} from '../../src/core/limits/ledger.ts'
import { earliestFor } from '../../src/core/limits/look-ahead.ts'
import { type Limit, WINDOW_KINDS } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'

/** What the ledgers cost: CPU time of one operation on a ledger that is as full as it gets. */

const START = 1_700_000_000_000
const ROUNDS = 20_000

/** A ledger after two windows of calls, one of a few tokens each ms or as often as a day allows. */
function full(one: Limit): { ledger: Ledger; now: number } {
  const ledger = createLedger(one)
  const gap = Math.max(1, Math.floor(one.perMs / 60_000))
  let now = START
  for (const end = START + 2.5 * one.perMs; now < end; now += gap) {
    if (!admits(ledger, 3, now)) continue
    reserve(ledger, 'call', 3, now)
    settle(ledger, 'call', 3, now)
  }
  return { ledger, now }
}

/** ns of CPU time for one run of `work`; the least of several tries. */
function nsOf(work: (i: number) => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < 5; tries++) {
    const before = process.cpuUsage()
    for (let i = 0; i < ROUNDS; i++) work(i)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, ((user + system) * 1000) / ROUNDS)
  }
  return Math.round(least)
}

function measured(one: Limit): (string | number)[] {
  const { ledger, now } = full(one)
  const account = accountOf([ledger])
  const demand = { ...LEAST, inputTokens: Math.ceil(one.amount * 0.7), requests: 1 }
  return [
    ledger.entries.untils.length - ledger.entries.head,
    nsOf(() => admits(ledger, 5, now)),
    nsOf((i) => admits(ledger, 5, now + (i & 1))),
    nsOf(() => nextAdmissible(ledger, one.amount - 1, now)),
    nsOf(() => earliestFor(account, demand, now)),
    nsOf((i) => {
      reserve(ledger, 'call', 3, now + 1 + (i & 1))
      settle(ledger, 'call', 2, now + 1 + (i & 1))
    }),
  ]
}

const head = ['', 'entries', 'admits', 'at a new ms', 'next room', 'earliest', 'reserve + settle']
const rows = WINDOW_KINDS.flatMap((window) =>
  [60_000, 86_400_000].flatMap((perMs) => {
    if (window === 'calendar' && perMs === 60_000) return []
    const rest = {
      window,
      charge: 'reserve_trueup',
      timeZone: 'UTC',
      phaseMs: window === 'fixed' ? 0 : null,
    } as const
    const one = limit('tokens', 200_000, perMs, window, rest)
    return [[`${window}, ${perMs === 60_000 ? 'a minute' : 'a day'}`, ...measured(one)]]
  }),
)
const out = [head, ...rows].map((row) =>
  row.map((cell, i) => String(cell)[i === 0 ? 'padEnd' : 'padStart'](17)).join(' '),
)
process.stdout.write(`ns of CPU time for one operation\n${out.join('\n')}\n`)

const accounts = Array.from({ length: 50 }, () =>
  createAccount([
    limit('requests', 500),
    limit('tokens', 200_000),
    limit('requests', 10_000, 86_400_000, 'day'),
  ]),
)
const all = nsOf(() => {
  for (const account of accounts) earliestFor(account, { ...LEAST, requests: 900 }, START)
})
process.stdout.write(`earliest on 50 LLMs of 3 limits each: ${all} ns\n`)
