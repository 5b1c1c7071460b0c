import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { ROOT, runtimeCommand } from '../e2e/runtimes.ts'

const PATH = join(ROOT, 'docs/replay.md')
const text = readFileSync(PATH, 'utf8')

/** A block of commands with what they print, of which only some lines may be shown. */
const BLOCK = /(?:<!-- lines ([\d -]+) -->\n)?```console\n([\s\S]*?)^```/gm

/** `npm run llb -- ARGS` as the shell of a reader has it, without what npm itself prints. */
const NPM = 'npm() { shift 3; "$BUN" "$MAIN" "$@"; }'
const PROGRESS = /^(?:simulated|verified|looked at|read|checked) \S.* of .*\n/gm

let folder: string
const told: { readonly block: string; readonly shown: string; readonly printed: string }[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-replay-docs-'))
  writeFileSync(
    join(folder, 'plan.yaml'),
    firstYamlOf(readFileSync(join(ROOT, 'docs/simulation.md'), 'utf8')),
  )
  writeFileSync(join(folder, 'people.yaml'), firstYamlOf(text))
  for (const [, lines, block] of text.matchAll(BLOCK)) {
    const commands = block!.split('\n').filter((line) => line.startsWith('$ '))
    const printed = printedBy(commands.map((line) => line.slice(2)))
    told.push({ block: block!, printed, shown: lines === undefined ? printed : cut(printed, lines) })
  }
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function firstYamlOf(page: string): string {
  return page.match(/^```yaml\n([\s\S]*?)^```/m)![1]!
}

/** What a terminal shows once the commands were typed in, each with the exit code of the one before at hand. */
function printedBy(commands: readonly string[]): string {
  const quoted = (command: string) => `'$ ${command.replaceAll("'", "'\\''")}'`
  const steps = commands.map(
    (command) => `printf '%s\\n' ${quoted(command)}; (exit $code); ${command}; code=$?`,
  )
  const [bun] = runtimeCommand('bun')
  const env = { ...process.env, NO_COLOR: '1', BUN: bun, MAIN: join(ROOT, 'src/main.ts') }
  const script = ['exec 2>&1', NPM, 'code=0', ...steps].join('\n')
  return execFileSync('sh', ['-c', script], { cwd: folder, env, encoding: 'utf8' }).replace(PROGRESS, '')
}

/** Of the lines those in `1-5 9 20-`, and `...` for what is left out. */
function cut(printed: string, lines: string): string {
  const all = printed.trimEnd().split('\n')
  const parts = lines.split(' ').map((part) => {
    const [from = '', to = from] = part.split('-')
    return { from: Number(from) - 1, to: to === '' ? all.length : Number(to) }
  })
  const shown = parts.map(({ from, to }) => all.slice(from, to).join('\n')).join('\n...\n')
  return `${shown}${parts.at(-1)!.to < all.length ? '\n...' : ''}\n`
}

test('the commands of the page print what stands there (UPDATE=1 writes it)', () => {
  expect(told.length).toBeGreaterThan(5)
  if (process.env.UPDATE === '1') {
    const updated = told.reduce(
      (page, { block, shown }) => page.replace(`console\n${block}`, () => `console\n${shown}`),
      text,
    )
    writeFileSync(PATH, updated)
  } else for (const { block, shown } of told) expect(block).toBe(shown)
})

test('what the page says of the surprise is so in the log', () => {
  const events = readFileSync(join(folder, 'day.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
  const [, waited] = text.match(/`x-llb-queue-ms: (\d+)`/)!
  const [, id] = text.match(/Its `x-request-id` was `(\w+)`/)!
  const own = events.filter(({ request }) => request === id)
  const [came, done] = [own[0]!, own.at(-1)!]
  expect(done).toMatchObject({
    type: 'request.completed',
    llm: 'Home-Ollama',
    data: { wait_ms: Number(waited) },
  })
  const meanwhile = events.filter(({ seq }) => seq > came.seq && seq < done.seq)
  expect(meanwhile.filter(({ llm }) => llm === 'Groq-Llama3')).toEqual([])
  const [, told] = text.match(/The queue told ([\d.]+) s of waiting/)!
  expect(own[1]).toMatchObject({
    type: 'request.queued',
    data: { eta_ms: expect.closeTo(Number(told) * 1000, -2) },
  })
})
