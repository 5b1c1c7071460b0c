import { expect, test } from 'vitest'
import { DURATION, durationMs, durationText, SIZE, sizeBytes } from '../../src/config/units.ts'

test('durations are read to milliseconds', () => {
  expect(['500ms', '120s', '5m', '1h', '30d', '1.5s'].map(durationMs)).toEqual([
    500, 120_000, 300_000, 3_600_000, 2_592_000_000, 1_500,
  ])
})

test('a duration needs a known unit and nothing else', () => {
  const wrong = ['120', '', 's', '-1s', '1 s', '1w', '1m30s', '1e3s', ' 1s', '1s\n']
  expect(wrong.filter((text) => DURATION.test(text))).toEqual([])
})

test('sizes are read to bytes, in powers of ten and of two', () => {
  expect(['4096', '1B', '1kB', '10MB', '1GB', '1KiB', '32MiB', '1GiB', '1.5 MB', 7].map(sizeBytes)).toEqual([
    4_096, 1, 1_000, 10_000_000, 1_000_000_000, 1_024, 33_554_432, 1_073_741_824, 1_500_000, 7,
  ])
})

test('a size needs a known unit or none', () => {
  const wrong = ['', 'MB', '-1', '1mb', '1 pint', '1M', '1  MB', '0x10']
  expect(wrong.filter((text) => SIZE.test(text))).toEqual([])
})

test('milliseconds are written in the largest unit that leaves no rest', () => {
  expect([0, 1, 1_000, 90_000, 60_000, 7_200_000, 86_400_000].map(durationText)).toEqual([
    '0ms',
    '1ms',
    '1s',
    '90s',
    '1m',
    '2h',
    '1d',
  ])
})
