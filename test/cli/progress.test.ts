import { expect, test } from 'vitest'
import { createProgress } from '../../src/cli/progress.ts'

/** A screen that remembers what was written, and a clock that is set by hand. */
function given({ isTTY = false, columns = 80 } = {}) {
  const written: string[] = []
  let at = 0
  const screen = { isTTY, columns, write: (text: string) => void written.push(text) }
  const pass = (ms: number) => {
    at += ms
  }
  return { written, options: { screen, now: () => at }, pass }
}

test('of what is done within a second nothing is said, anywhere', () => {
  for (const isTTY of [true, false]) {
    const { written, options, pass } = given({ isTTY })
    const progress = createProgress('read', 10, 'events', options)
    pass(999)
    progress.update(9)
    progress.end()
    expect(written).toEqual([])
  }
})

test('elsewhere than in a terminal a line comes more and more seldom', () => {
  const { written, options, pass } = given()
  const progress = createProgress('read', 1_000_000, 'events', options)
  for (let second = 1; second <= 300; second++) {
    pass(1_000)
    progress.update(second * 1_000)
  }
  progress.end()
  const seconds = [1, 3, 7, 15, 31, 63, 123, 183, 243]
  expect(written).toEqual(seconds.map((second) => `read ${second},000 of 1,000,000 events\n`))
})

test('a terminal shows a bar with the time that is left, at most ten times a second, and loses it in the end', () => {
  const { written, options, pass } = given({ isTTY: true })
  const progress = createProgress('read', 4_000, 'events', options)
  pass(2_000)
  progress.update(1_000)
  pass(99)
  progress.update(1_100)
  expect(written).toEqual([
    `\r\u001b[K${'█'.repeat(5)}${'░'.repeat(15)} read 1,000 of 4,000 events, 6 s left`,
  ])
  pass(1)
  progress.update(4_000)
  progress.end()
  progress.end()
  expect(written.slice(1)).toEqual([
    `\r\u001b[K${'█'.repeat(20)} read 4,000 of 4,000 events, 0 s left`,
    '\r\u001b[K',
  ])
})

test('a bar keeps to its line, and to its length whatever is done', () => {
  const { written, options, pass } = given({ isTTY: true, columns: 30 })
  const progress = createProgress('read', 100, 'events', options)
  pass(100_000)
  for (const done of [0, 250]) {
    progress.update(done)
    pass(100)
  }
  expect(written.map((text) => text.replace('\r\u001b[K', '').length)).toEqual([29, 29])
  expect(written[1]).toContain('█'.repeat(20))
})

test('amounts are written as the work says', () => {
  const { written, options, pass } = given()
  const progress = createProgress('simulated', 7_200, (amount) => `${amount / 60} min`, options)
  pass(1_000)
  progress.update(600)
  expect(written).toEqual(['simulated 10 min of 120 min\n'])
})
