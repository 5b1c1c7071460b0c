import { expect, test } from 'vitest'
import { bar, sparkline } from '../../src/cli/chart.ts'
import { csv } from '../../src/cli/csv.ts'

test('a sparkline is as high as each number is of the greatest, and never hides one', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8])).toBe(' ▁▂▃▄▅▆▇█')
  expect(sparkline([1, 1000])).toBe('▁█')
  expect(sparkline([0, 0])).toBe('  ')
  expect(sparkline([])).toBe('')
})

test('a bar is as long as its share, to an eighth, and never longer than it may be', () => {
  expect([0, 0.25, 1, 1.7, -1].map((share) => bar(share, 4))).toEqual(['', '█', '████', '████', ''])
  expect(Array.from({ length: 9 }, (_, i) => bar(i / 8, 1))).toEqual(['', ...'▏▎▍▌▋▊▉█'])
})

test('CSV is quoted where a field would break it', () => {
  const rows = [
    ['plain', 1, null],
    ['a,b', 'say "no"', 'two\nlines'],
  ]
  expect(csv(rows)).toBe('plain,1,\r\n"a,b","say ""no""","two\nlines"\r\n')
})
