import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { formatProblems, loadConfig, parseConfig } from '../../src/config/load.ts'
import { startWarnings } from '../../src/config/warnings.ts'

const root = new URL('../..', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

interface JsonSchema {
  description?: string
  default?: unknown
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  anyOf?: JsonSchema[]
  additionalProperties?: JsonSchema | boolean
}

/** Every key of the schema with its place. */
function keysOf(schema: JsonSchema, path = ''): { path: string; key: string; schema: JsonSchema }[] {
  const own = Object.entries(schema.properties ?? {}).map(([key, value]) => ({
    path: `${path}.${key}`,
    key,
    schema: value,
  }))
  const inner = [schema.items, ...(schema.anyOf ?? []), schema.additionalProperties].filter(
    (part) => typeof part === 'object',
  )
  return [
    ...own,
    ...own.flatMap((it) => keysOf(it.schema, it.path)),
    ...inner.flatMap((part) => keysOf(part, path)),
  ]
}
const keys = keysOf(configJsonSchema() as JsonSchema)

test('the JSON Schema in docs is the one of the code (UPDATE=1 writes it)', () => {
  const generated = `${JSON.stringify(configJsonSchema(), null, 2)}\n`
  if (process.env.UPDATE === '1') writeFileSync(new URL('docs/config.schema.json', root), generated)
  expect(JSON.parse(read('docs/config.schema.json'))).toEqual(JSON.parse(generated))
})

test('every key is described', () => {
  expect(keys.length).toBeGreaterThan(60)
  expect(keys.filter(({ schema }) => !schema.description).map(({ path }) => path)).toEqual([])
})

test('config.yaml and docs/configuration.md name every key, the latter with its default', () => {
  const shipped = read('config.yaml')
  const documented = read('docs/configuration.md')
  expect(keys.filter(({ key }) => !new RegExp(`\\b${key}:`).test(shipped)).map(({ path }) => path)).toEqual(
    [],
  )
  expect(keys.filter(({ key }) => !documented.includes(`\`${key}\``)).map(({ path }) => path)).toEqual([])
  const lines = documented.split('\n')
  const withDefault = keys.filter(({ schema }) =>
    ['string', 'number', 'boolean'].includes(typeof schema.default),
  )
  const undocumented = withDefault.filter(
    ({ key, schema }) =>
      !lines.some((line) => line.includes(`\`${key}\``) && line.includes(`\`${schema.default}\``)),
  )
  expect(undocumented.map(({ path }) => path)).toEqual([])
})

test('config.yaml serves on a fresh machine with what needs no key', () => {
  const result = loadConfig(new URL('config.yaml', root).pathname)
  if (!result.ok) throw new Error(formatProblems(result.problems))
  expect(result.warnings).toEqual([])
  const usable = result.config.llms.filter(({ keyName }) => keyName === null)
  expect(usable.map(({ apiType }) => apiType)).toEqual(['ollama', 'simulated'])
  expect(startWarnings(result.config, {}).filter((text) => text.includes('disabled'))).toEqual([
    'LLM Google-Gemini is disabled: GEMINI_API_KEY is not set',
    'LLM Groq-GPT-OSS is disabled: GROQ_API_KEY is not set',
  ])
  expect(read('config.yaml').startsWith('# yaml-language-server: $schema=docs/config.schema.json\n')).toBe(
    true,
  )
})

const blocks = [...read('docs/configuration.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!)
test.each(blocks)('an example of docs/configuration.md is a valid configuration (%#)', (text) => {
  const result = parseConfig(text, 'docs/configuration.md')
  expect(result.ok ? '' : formatProblems(result.problems)).toBe('')
})
