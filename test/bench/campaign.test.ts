import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CHARGE_RULES, UNITS, WINDOW_KINDS } from '../../src/core/types.ts'
import { CASES } from './limits-cases.ts'

const ROOT = new URL('../..', import.meta.url).pathname

function bun(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules/.bin/bun'), args, {
    cwd: ROOT,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('a campaign tells what is on in its first world, how to see it again, and how it went', () => {
  const { status, stdout, stderr } = bun('test/bench/campaign.ts', '--seeds', '20', '--from', '7')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(
    /^seed 7: .*\nagain: npm run campaign -- --seeds 1 --from 7\n20 seeds, \d+ events, \d+ seeds\/s, digest [0-9a-f]+\n$/,
  )
})

test.each(['0', 'many', '1.5'])('a campaign of %s seeds is wrong usage', (seeds) => {
  const { status, stderr } = bun('test/bench/campaign.ts', '--seeds', seeds)
  expect(status).toBe(2)
  expect(stderr).toContain('as in: npm run campaign -- --seeds 10000 --from 1')
})

test('every unit, window and charge rule that can be declared is among the limits that are measured', () => {
  const declared = CASES.map(({ limits }) => limits[0]!)
  expect(new Set(declared.map(({ unit }) => unit))).toEqual(new Set(UNITS))
  expect(new Set(declared.map(({ window }) => window))).toEqual(new Set(WINDOW_KINDS))
  expect(new Set(declared.map(({ charge }) => charge))).toEqual(new Set(CHARGE_RULES))
})

test('every way of counting that can be declared is never refused, and used in full', {
  timeout: 120_000,
}, () => {
  const { status, stdout } = bun('test/bench/limits-campaign.ts', '--requests', '6000')
  expect(stdout).not.toContain('MISSED')
  expect(stdout.match(/ 0 429s, /g)?.length).toBe(stdout.trim().split('\n').length - 1)
  expect(status).toBe(0)
})

test.each([
  ['--kills', '0'],
  ['--runtime', 'cobol'],
])('a campaign of kills with %s %s is wrong usage', (...args) => {
  const { status, stderr } = bun('test/bench/kills.ts', ...args)
  expect(status).toBe(2)
  expect(stderr).toContain('as in: npm run campaign:kills -- --kills 200')
})
