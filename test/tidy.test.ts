import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './e2e/runtimes.ts'

/** Style that no linter knows of, as a test. */

const source = filesUnder('src')
const tests = filesUnder('test')
const core = source.filter(({ path }) => path.startsWith('src/core/')).map(withoutComments)

describe('the core is pure', () => {
  const BANNED: Record<string, RegExp> = {
    clock: /\bDate\.now\b|\bnew Date\(|\bperformance\.now\b/,
    randomness: /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/,
    timer: /\bset(Timeout|Interval|Immediate)\b/,
    promise: /\bawait\b|\bPromise\b|\basync\b/,
    xstate: /['"]xstate/,
    'input or output': /['"]node:|(?<!['"])\bprocess\.|\bfetch\(/,
  }

  test.each(Object.entries(BANNED))('it uses no %s', (_, banned) => {
    expect(findings(core, banned)).toEqual([])
  })

  test('it imports nothing outside itself', () => {
    const outside = core.flatMap(({ path, text }) =>
      importsOf(text)
        .filter((target) => !resolve(path, target).startsWith('src/core/'))
        .map((target) => `${path} imports ${target}`),
    )
    expect(outside).toEqual([])
  })

  test('its limits know nothing of requests that wait, nor who takes them', () => {
    const others = ['needs', 'queue', 'forecast', 'matching'].map((folder) => `src/core/${folder}/`)
    const wrong = core
      .filter(({ path }) => path.startsWith('src/core/limits/'))
      .flatMap(({ path, text }) => importsOf(text).map((target) => resolve(path, target)))
      .filter((target) => others.some((folder) => target.startsWith(folder)))
    expect(wrong).toEqual([])
  })
})

describe('dependencies point one way', () => {
  const ALLOWED: Record<string, readonly string[]> = {
    core: ['core'],
    config: ['config', 'core'],
    upstream: ['upstream', 'core'],
    log: ['log', 'core'],
    actors: ['actors', 'core'],
    replay: ['replay', 'log', 'config', 'core'],
    sim: ['sim', 'actors', 'config', 'upstream', 'core'],
  }

  test.each(Object.entries(ALLOWED))('src/%s depends on %j at most', (folder, allowed) => {
    const wrong = source
      .filter(({ path }) => path.startsWith(`src/${folder}/`))
      .flatMap(({ path, text }) =>
        importsOf(text)
          .filter((target) => target.startsWith('.'))
          .map((target) => resolve(path, target))
          .filter((target) => !allowed.some((name) => target.startsWith(`src/${name}/`)))
          .map((target) => `${path} imports ${target}`),
      )
    expect(wrong).toEqual([])
  })

  test('nothing in src depends on a test', () => {
    expect(findings(source, /from ['"][^'"]*\.\.\/test\//)).toEqual([])
  })

  test('a fake provider shares no code with what it tests', () => {
    const fakes = tests.filter(({ path }) => path.startsWith('test/fakes/'))
    expect(findings(fakes, /from ['"][^'"]*\/src\//)).toEqual([])
  })
})

describe('every file', () => {
  // Put together here, so that this file does not find itself.
  const leftover = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)
  const focused = new RegExp(`\\b(test|it|describe)\\.(on${'ly'}|sk${'ip'})\\b(?!If)`)

  test('has nothing left to do', () => {
    expect(findings([...source, ...tests], leftover)).toEqual([])
  })

  test('runs all of its tests', () => {
    expect(findings(tests, focused)).toEqual([])
  })

  test('in src has at most 300 lines', () => {
    const long = source.filter(({ text }) => text.trimEnd().split('\n').length > 300)
    expect(long.map(({ path }) => path)).toEqual([])
  })

  test('in src has comment lines of at most 120 characters, which no formatter wraps', () => {
    const long = source.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, i) =>
          /^\s*(\/\*\*|\*|\/\/)/.test(line) && line.length > 120 ? [`${path}:${i + 1}`] : [],
        ),
    )
    expect(long).toEqual([])
  })

  test('ends with one newline and has no trailing space', () => {
    const all = [...source, ...tests]
    expect(findings(all, /[ \t]+$/)).toEqual([])
    expect(all.filter(({ text }) => !/[^\n]\n$/.test(text)).map(({ path }) => path)).toEqual([])
  })
})

test('the top level holds what the design names and nothing else', () => {
  const named =
    'package.json package-lock.json tsconfig.json config.yaml src test docs README.md LICENSE'.split(' ')
  const found = tracked().map((path) => path.split('/')[0] ?? '')
  const extra = [...new Set(found)].filter((name) => !name.startsWith('.') && !named.includes(name))
  expect(extra).toEqual([])
})

test('every relative link in the documents leads to a file', () => {
  const documents = [...filesUnder('docs', '.md'), ...filesUnder('README.md', '.md')]
  const broken = documents.flatMap(({ path, text }) =>
    [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link.split('#')[0] ?? '')
      .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(join(ROOT, dirname(path), link)))
      .map((link) => `${path} links to ${link}`),
  )
  expect(broken).toEqual([])
})

interface File {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
}

function filesUnder(path: string, extension = '.ts'): File[] {
  const full = join(ROOT, path)
  if (!existsSync(full)) return []
  if (path.endsWith(extension)) return [{ path, text: readFileSync(full, 'utf8') }]
  return readdirSync(full, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => ({ path: join(path, name), text: readFileSync(join(full, name), 'utf8') }))
}

/** `path:line: text` of each line that matches. */
function findings(files: readonly File[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, place }) => `${place}: ${line.trim()}`),
  )
}

/** Comment lines are left empty, so that line numbers stay right. */
function withoutComments({ path, text }: File): File {
  return { path, text: text.replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, '') }
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?['"]([^'"]+)['"]/g)].map(([, target = '']) => target)
}

function resolve(from: string, target: string): string {
  return target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(from), target)) : target
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`]*`/g, '')
}

/** What git would commit; without git, what is there. */
function tracked(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return listed.split('\n').filter((path) => path !== '')
  } catch {
    return readdirSync(ROOT).filter((name) => name !== 'node_modules' && name !== 'data')
  }
}
