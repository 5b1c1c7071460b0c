import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { type Document, type ErrorCode, LineCounter, parseDocument } from 'yaml'
import { checkConfig } from './check.ts'
import type { Config } from './config.ts'
import { expandConfig } from './expand.ts'
import { type Finding, formatProblems, locate, type Problem, problemAt } from './problems.ts'
import { configSchema, type RawConfig } from './schema.ts'
import { checkShape, isMapping, type Shape, withoutNulls } from './shape.ts'
import { fileWarnings } from './warnings.ts'

export { formatProblems, type Problem } from './problems.ts'

/** Longest configuration that is read, in characters. */
const MAX_LENGTH = 1_048_576
/** Settings come in plain YAML 1.2: keys are texts, `<<` merges, and no tag makes a value of another kind. */
const YAML_OPTIONS = { prettyErrors: false, stringKeys: true, merge: true, resolveKnownTags: false } as const
/** What a syntax error means here, where the parser says it in other words. */
const SYNTAX_WORDS: { readonly [code in ErrorCode]?: string } = {
  DUPLICATE_KEY: 'the same key is given twice',
  MULTIPLE_DOCS: 'a configuration is one document; --- begins a second',
  NON_STRING_KEY: 'a key is a text',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
}
/** More problems than these help nobody. */
const MAX_PROBLEMS = 100
/** Bounds what aliases may blow a small file up to. */
const MAX_ALIASES = 100

export type ConfigResult =
  | { ok: true; config: Config; warnings: string[] }
  | { ok: false; problems: Problem[] }

/** Reads and checks a configuration file. A file that cannot be read is a problem like any other. */
export function loadConfig(path: string): ConfigResult {
  const problem = (message: string): ConfigResult => ({
    ok: false,
    problems: [{ file: path, line: 1, column: 1, path: '', message }],
  })
  try {
    return parseConfig(readFileSync(path, 'utf8'), path)
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if (code === 'ENOENT') return problem('there is no such file')
    if (typeof code === 'string') return problem(`the file cannot be read (${code})`)
    throw error
  }
}

/**
 * Checks the text of a configuration and brings it to its full form, or tells all that is wrong with it, in
 * the order of the text. Never throws.
 *
 * @param file Its name in problems, and what a relative `event_log.path` is relative to.
 */
export function parseConfig(text: string, file: string): ConfigResult {
  const lines = new LineCounter()
  const fail = (message: string): ConfigResult => ({
    ok: false,
    problems: [{ file, line: 1, column: 1, path: '', message }],
  })
  if (text.length > MAX_LENGTH) return fail('the file is longer than 1 MiB')
  const read = readYaml(text, lines)
  if (!read.ok) return fail(read.message)
  const { document, value } = read
  if (document.errors.length > 0) return { ok: false, problems: syntaxProblems(document, file, lines) }
  if (value === null || value === undefined) return fail('the file is empty; it needs at least llms:')

  const checked = validate(value)
  if (checked.ok) {
    const remarks = document.warnings.map(({ message, pos }) => problemAt(file, lines, pos[0], '', message))
    const warnings = [...remarks.map((remark) => formatProblems([remark])), ...fileWarnings(checked.raw)]
    return { ok: true, config: expandConfig(checked.raw, file), warnings }
  }
  const problems = checked.findings.map((finding) => locate(finding, document, file, lines))
  return { ok: false, problems: sorted(problems) }
}

type Yaml = { ok: true; document: Document; value: unknown } | { ok: false; message: string }

function readYaml(text: string, lineCounter: LineCounter): Yaml {
  try {
    const document = parseDocument(text, { ...YAML_OPTIONS, lineCounter })
    const value = document.errors.length > 0 ? null : document.toJS({ maxAliasCount: MAX_ALIASES })
    return { ok: true, document: document as Document, value }
  } catch (error) {
    // The parser recurses into nested values and throws for what it refuses to unfold.
    if (error instanceof RangeError) return { ok: false, message: 'the file is nested too deeply' }
    return { ok: false, message: `cannot be read as YAML: ${error instanceof Error ? error.message : error}` }
  }
}

/** The first syntax error of each line; the parser often follows one up with more. */
function syntaxProblems(document: Document, file: string, lines: LineCounter): Problem[] {
  const byLine = new Map<number, Problem>()
  for (const { code, message, pos } of document.errors) {
    const problem = problemAt(file, lines, pos[0], '', SYNTAX_WORDS[code] ?? message)
    if (!byLine.has(problem.line)) byLine.set(problem.line, problem)
  }
  return sorted([...byLine.values()]).slice(0, MAX_PROBLEMS)
}

type Checked = { ok: true; raw: RawConfig } | { ok: false; findings: Finding[] }

function validate(value: unknown): Checked {
  const shape: Finding[] = []
  for (const finding of checkShape(configSchema as unknown as Shape, value)) {
    if (shape.push(finding) === MAX_PROBLEMS) break
  }
  const plain = withoutNulls(value)
  if (!isMapping(plain)) return { ok: false, findings: shape }
  const parsed = v.safeParse(configSchema, plain, { abortPipeEarly: true })
  const findings = [
    ...shape,
    ...(parsed.issues ?? []).flatMap((issue) => fromIssue(issue)),
    ...checkConfig(plain),
  ]
  if (parsed.success && findings.length === 0) return { ok: true, raw: parsed.output }
  return { ok: false, findings: distinct(findings).slice(0, MAX_PROBLEMS) }
}

function fromIssue(issue: v.BaseIssue<unknown>, parent: Finding['path'] = []): Finding[] {
  const keys = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))
  const path = [...parent, ...keys]
  const inner = (issue.issues ?? []).filter((sub) => sub.path !== undefined)
  if (inner.length > 0) return inner.flatMap((sub) => fromIssue(sub, path))
  if (issue.type !== 'strict_object') return [{ path, message: issue.message }]
  // Unknown keys are found, all of them and with a suggestion, by the check of the shape.
  if (issue.expected === 'never') return []
  return [{ path, message: 'is required' }]
}

/** One finding for each place, the first; and none within a value that is of the wrong kind altogether. */
function distinct(findings: readonly Finding[]): Finding[] {
  const covered = new Set(findings.filter(({ covers }) => covers).map(({ path }) => JSON.stringify(path)))
  const seen = new Set<string>()
  return findings.filter((finding) => {
    const place = JSON.stringify(finding.path)
    const within = finding.path.some((_, length) =>
      covered.has(JSON.stringify(finding.path.slice(0, length))),
    )
    if (within || seen.has(place)) return false
    seen.add(place)
    return true
  })
}

function sorted(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
