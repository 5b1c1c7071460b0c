import { expect, test } from 'vitest'
import { NOBODY, namesIn, renamed } from '../../../src/replay/what-if/match.ts'
import type { Event } from '../../../src/core/events.ts'
import { llm } from '../../support/llms.ts'

const one = llm('One', { model: 'm', keyName: 'A_KEY' })

test('an LLM of the log is the one of the same model and key, first of all the one of its name', () => {
  const first = { ...one, name: 'One#1' }
  const second = { ...one, name: 'One#2', keyName: 'B_KEY' }
  expect([...namesIn([second, first], [one])]).toEqual([['One', 'One#1']])
  expect([...namesIn([{ ...one, name: 'Other' }, one], [one])]).toEqual([['One', 'One']])
})

test('another model under the same name is another LLM, and nobody is two', () => {
  expect([...namesIn([{ ...one, model: 'n' }], [one])]).toEqual([])
  expect([...namesIn([{ ...one, baseUrl: 'http://elsewhere' }], [one])]).toEqual([])
  expect([...namesIn([one], [{ ...one, name: 'Old' }, one])]).toEqual([['One', 'One']])
})

test('events of an LLM that is not there any more are of nobody', () => {
  const event = { type: 'llm.exhausted', llm: 'One' } as Event
  expect(renamed(event, new Map([['One', 'New']])).llm).toBe('New')
  expect(renamed(event, new Map()).llm).toBe(NOBODY)
  const timer = { type: 'timer.fired', llm: null } as Event
  expect(renamed(timer, new Map())).toBe(timer)
})
