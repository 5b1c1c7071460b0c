import { afterEach, expect, test, vi } from 'vitest'
import { createConsole } from '../../src/cli/console.ts'

const AT = Date.UTC(2026, 0, 31, 8, 5, 6)

afterEach(() => vi.restoreAllMocks())

/** What is written of one line. */
function written(terminal: boolean): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const console = createConsole('info', terminal, false, () => AT)
  console.say('info', 'stopped')
  console.flush()
  return write.mock.calls.join('')
}

test('the log in a terminal tells the time in UTC, as every command reads it', () => {
  expect(written(true)).toBe('08:05:06Z stopped\n')
})

test('the log elsewhere is JSON', () => {
  expect(JSON.parse(written(false))).toEqual({
    time: '2026-01-31T08:05:06.000Z',
    level: 'info',
    text: 'stopped',
  })
})
