import { expect, test } from 'vitest'
import { wishesOf } from '../../src/http/request-headers.ts'

const boundsOf = (headers: Record<string, string>) => {
  const wishes = wishesOf(new Headers(headers))
  return typeof wishes === 'string' ? wishes : wishes.bounds
}

test('bounds are read to thousandths and nano-dollars', () => {
  expect(boundsOf({})).toEqual({ minQuality: null, maxCostNanoUsd: null })
  expect(boundsOf({ 'x-llb-min-quality': '0.7' })).toEqual({ minQuality: 700, maxCostNanoUsd: null })
  expect(boundsOf({ 'x-llb-min-quality': '7' })).toEqual({ minQuality: 700, maxCostNanoUsd: null })
  expect(boundsOf({ 'x-llb-max-cost': '0.002' })).toEqual({ minQuality: null, maxCostNanoUsd: 2_000_000 })
  expect(boundsOf({ 'x-llb-max-cost': '0' })).toEqual({ minQuality: null, maxCostNanoUsd: 0 })
})

test.each([
  ['x-llb-min-quality', '11'],
  ['x-llb-min-quality', '-1'],
  ['x-llb-min-quality', ''],
  ['x-llb-max-cost', '$1'],
  ['x-llb-max-cost', '1e3'],
  ['x-llb-max-cost', '1000001'],
])('%s: "%s" is refused with what it must be', (name, value) => {
  expect(boundsOf({ [name]: value })).toContain(`${name} is "${value}"; it must be `)
})
