import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withMembers } from '../../src/upstream/edit-json.ts'

const KEY = fc.oneof(fc.constantFrom('model', 'stream', 'a"b', 'm\\', ''), fc.string())
const SPACE = fc.constantFrom('', ' ', '\n', '\t ')

/** The text of an object in the way of any writer: with space wherever it may be, keys escaped or not. */
const WRITTEN = fc
  .tuple(fc.dictionary(KEY, fc.jsonValue()), SPACE, fc.boolean())
  .map(([object, space, escaped]) => {
    const key = (name: string) => (escaped && name === 'model' ? '"m\\u006fdel"' : JSON.stringify(name))
    const members = Object.entries(object).map(
      ([name, value]) =>
        `${space}${key(name)}${space}:${space}${JSON.stringify(value, null, space.length)}${space}`,
    )
    return `${space}{${members.length === 0 ? space : members.join(',')}}${space}`
  })

/** The last value of each key, as JSON, which has no -0. */
function inOrder(entries: [string, unknown][]): string[] {
  return Array.from(new Map(entries), (entry) => JSON.stringify(entry)).sort()
}

describe('setting members within a JSON text', () => {
  test('gives the same object as setting them in the parsed one', () => {
    fc.assert(
      fc.property(WRITTEN, fc.dictionary(KEY, fc.jsonValue(), { maxKeys: 3 }), (text, members) => {
        const expected = [...Object.entries(JSON.parse(text)), ...Object.entries(members)]
        const edited = Object.entries(JSON.parse(withMembers(text, members)!))
        expect(inOrder(edited)).toEqual(inOrder(expected))
      }),
      { numRuns: 500 },
    )
  })

  test('leaves all else as it was written', () => {
    const text = '{ "seed": 12345678901234567890, "model" : "auto" ,"x":[1.0, 1e2, "\\u00e9\\\\"], "y":-0}'
    expect(withMembers(text, { model: 'm', stream: true })).toBe(
      '{ "seed": 12345678901234567890, "model" :"m","x":[1.0, 1e2, "\\u00e9\\\\"], "y":-0,"stream":true}',
    )
  })

  test('touches neither texts nor inner objects that look like the member', () => {
    const text = '{"a":"\\"model\\":1,","b":{"model":{"model":2}},"model":"auto","c":["model"]}'
    expect(withMembers(text, { model: 'm' })).toBe(text.replace('"auto"', '"m"'))
  })

  test('is not done where a member stands twice, in whatever way it is written', () => {
    expect(withMembers('{"model":"a","model":"b"}', { model: 'm' })).toBeNull()
    expect(withMembers('{"model":"a","m\\u006fdel":"b"}', { model: 'm' })).toBeNull()
    expect(withMembers('{"x":1,"x":2,"model":"b"}', { model: 'm' })).toBe('{"x":1,"x":2,"model":"m"}')
  })
})
