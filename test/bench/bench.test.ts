import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { judge, type Results, writeBetweenMarkers } from './report.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const GOOD: Results = {
  whole: { forwardUs: 40, bareUs: 30, ownUs: 80, ratio: 2, forwardRatio: 1.7, errors: 0 },
  chunk: { forwardUs: 10, bareUs: 10, ownUs: 13, ratio: 1.3, forwardRatio: 1.3, errors: 0 },
  startUpMs: 399,
  idleMb: 99,
  crowd: { streams: 1500, errors: 0, residentMb: 150 },
}

test('the quick benchmark drives both proxies without an error', { timeout: 60_000 }, () => {
  const bun = join(ROOT, 'node_modules/.bin/bun')
  const run = spawnSync(bun, ['test/bench/bench.ts', '--quick'], { cwd: ROOT, encoding: 'utf8' })
  expect(run.stderr).toBe('')
  expect(run.stdout).toContain('| errors in 100 concurrent streams | 0 | 0 | yes |')
  expect(run.status).toBe(0)
})

test('a result exactly at its target meets it, and each one beyond misses it', () => {
  expect(judge(GOOD).every(({ met }) => met)).toBe(true)
  const bad: Partial<Results>[] = [
    { whole: { ...GOOD.whole, ratio: 2.01 } },
    { chunk: { ...GOOD.chunk, ratio: 1.31 } },
    { chunk: { ...GOOD.chunk, errors: 1 } },
    { startUpMs: 400 },
    { idleMb: 100 },
    { crowd: { ...GOOD.crowd, errors: 1 } },
  ]
  for (const one of bad) expect(judge({ ...GOOD, ...one }).filter(({ met }) => !met)).toHaveLength(1)
})

test('the report replaces what stands between its markers and leaves the rest alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const path = join(folder, 'benchmarks.md')
  writeFileSync(path, '# Title\n\nBefore.\n')
  writeBetweenMarkers(path, 'first')
  writeFileSync(path, `${readFileSync(path, 'utf8')}\nAfter.\n`)
  writeBetweenMarkers(path, 'second')
  const text = readFileSync(path, 'utf8')
  expect(text).toMatch(/^# Title\n\nBefore\.\n\n<!-- begin.*-->\nsecond\n<!-- end -->\n\nAfter\.\n$/)
  rmSync(folder, { recursive: true })
})
