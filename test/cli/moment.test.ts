import { expect, test } from 'vitest'
import { momentOf } from '../../src/cli/moment.ts'

const NOW = Date.UTC(2026, 2, 1, 12)

test.each([
  ['30m', NOW - 1_800_000],
  ['1.5h', NOW - 5_400_000],
  ['7d', NOW - 604_800_000],
  ['2026-01-31', Date.UTC(2026, 0, 31)],
  ['2026-01-31T08:05', Date.UTC(2026, 0, 31, 8, 5)],
  ['2026-01-31T08:05Z', Date.UTC(2026, 0, 31, 8, 5)],
  ['2026-01-31T08:05:06.789Z', Date.UTC(2026, 0, 31, 8, 5, 6, 789)],
  ['2026-01-31T08:05+02:00', Date.UTC(2026, 0, 31, 6, 5)],
  ['2024-02-29T00:00', Date.UTC(2024, 1, 29)],
  ['11:42', Date.UTC(2026, 2, 1, 11, 42)],
  ['12:00', NOW],
  ['12:00:00.001', NOW + 1 - 86_400_000],
  ['13:42:05Z', Date.UTC(2026, 1, 28, 13, 42, 5)],
  ['13:42+02:00', Date.UTC(2026, 2, 1, 11, 42)],
  ['23:30-10:00', Date.UTC(2026, 2, 1, 9, 30)],
])('%s is a moment', (text, at) => expect(momentOf(text, NOW)).toBe(at))

test.each([
  '',
  '7',
  '-1h',
  'yesterday',
  '2026-02-30',
  '2026-13-01',
  '2026-02-30T10:00Z',
  '2026-01-31T25:00Z',
  '2026-1-1',
  '31.01.2026',
  '25:00',
  '9:30',
])('"%s" is none', (text) => expect(momentOf(text, NOW)).toBeNull())
