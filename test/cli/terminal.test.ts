import { expect, test } from 'vitest'
import { grouped, isColoured, rendered } from '../../src/cli/terminal.ts'

test('there are colours in a terminal, unless it is a dumb one or NO_COLOR is set', () => {
  expect(isColoured({ isTTY: true }, {})).toBe(true)
  expect(isColoured({ isTTY: true }, { TERM: 'xterm-256color', NO_COLOR: '' })).toBe(true)
  expect(isColoured({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
  expect(isColoured({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
  expect(isColoured({ isTTY: false }, {})).toBe(false)
  expect(isColoured({}, {})).toBe(false)
})

test('text without colours is as it was', () => {
  expect(rendered('so', '31', true)).toBe('\u001b[31mso\u001b[0m')
  expect(rendered('so', '31', false)).toBe('so')
})

test('thousands are set apart', () => {
  const numbers = [0, 12, 999, 1_000, 12_345, 1_234_567, -1_000, -999]
  expect(numbers.map(grouped)).toEqual(numbers.map((number) => number.toLocaleString('en-US')))
})
