import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLog } from '../../src/log/sqlite.ts'
import { ticks } from '../support/events.ts'
import { runCommand } from './harness.ts'
import { ROOT, RUNTIMES, type Runtime, runtimeCommand } from './runtimes.ts'
import { say, startWorld } from './world.ts'

const LLM = { name: 'A', api_type: 'simulated', model: 'm', context_length: 9000 }
const ADVICE = 'Set event_log.path to a file that this user may write, or move the old file away.'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llb-start-'))
  writeFileSync(join(dir, 'text.db'), 'This is no database, and somebody may still want it.\n')
  mkdirSync(join(dir, 'folder.db'))
  sqlite('other.db', 'CREATE TABLE precious (a)')
  sqlite('older.db', 'CREATE TABLE segment (a); PRAGMA user_version = 1')
  sqlite('newer.db', 'CREATE TABLE segment (a); PRAGMA user_version = 9')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function sqlite(name: string, statements: string): void {
  const db = new Database(join(dir, name))
  db.exec(statements)
  db.close()
}

/** Tries to serve a configuration and gives what was said on standard error; nothing else may be said. */
async function refusal(runtime: Runtime, config: string, args: readonly string[] = []): Promise<string> {
  writeFileSync(join(dir, 'c.yaml'), config)
  const result = await runCommand(runtime, ['serve', '--config', 'c.yaml', '--port', '0', ...args], {
    cwd: dir,
  })
  expect(result).toMatchObject({ code: 2, stdout: '' })
  return result.stderr
}

const logAt = (path: string) => JSON.stringify({ event_log: { path }, llms: [LLM] })

describe.each(RUNTIMES)('what keeps %s from starting is said in a sentence, with exit code 2', (runtime) => {
  test.each([
    ['text.db', 'file is not a database'],
    ['folder.db', 'unable to open database file'],
    ['other.db', 'it is an SQLite file, but not an event log'],
    ['older.db', 'it was written by an older version of this program (log version 1)'],
    ['newer.db', 'it was written by a newer version of this program (log version 9)'],
  ])('a log file that cannot be used: %s', async (name, reason) => {
    const before = name === 'folder.db' ? null : readFileSync(join(dir, name))
    expect(await refusal(runtime, logAt(name))).toBe(
      `Cannot use the event log ${join(dir, name)}: ${reason}. ${ADVICE}\n`,
    )
    if (before) expect(readFileSync(join(dir, name)).equals(before)).toBe(true)
  })

  test.each([
    [
      'of a newer version',
      '[["llm.married",1,["to"]]]',
      '[[0,0,null,"A",["B"]]]',
      /event 4 \(llm\.married\) .* newer/,
    ],
    [
      'whose data have changed',
      '[["timer.fired",2,["when"]]]',
      '[[0,0,null,null,[1]]]',
      /event 4 \(timer\.fired\)/,
    ],
    ['that is none', '[["timer.fired",1,["timer"]]]', 'timer', /damaged: the events from 4 on are no events/],
  ])('a log with an event %s', async (_, shapes, events, reason) => {
    const path = join(dir, 'strange.db')
    const log = openLog(path)
    const recently = (from: number) => ticks(3, from).map((one) => ({ ...one, at: Date.now() }))
    log.append(recently(1))
    log.append(recently(5))
    log.close()
    sqlite('strange.db', `INSERT INTO segment VALUES (4, ${Date.now()}, '${shapes}', '${events}')`)
    const said = await refusal(runtime, logAt('strange.db'))
    expect(said).toMatch(reason)
    expect(said).toMatch(/^The event log .*(?:use|Use) .* another event log \(event_log\.path\)\.\n$/)
    rmSync(path)
  })

  test('a folder that cannot be made', async () => {
    const said = await refusal(runtime, logAt('text.db/data/events.db'))
    expect(said).toMatch(/^Cannot make the folder for the event log \S+\/text\.db\/data\/events\.db: .+\n$/)
    expect(said).toContain(ADVICE)
  })

  test.each([
    [
      'llms:\n  - name: A\n    api_typ: groq\n    model: m\n',
      'c.yaml:2:5 llms[0].api_type: is required\nc.yaml:3:5 llms[0].api_typ: unknown key; did you mean "api_type"?\n',
    ],
    [
      'llms: [\n  - {',
      'c.yaml:2:6 Flow map in block collection must be sufficiently indented and end with a }\n',
    ],
    ['', 'c.yaml:1:1 the file is empty; it needs at least llms:\n'],
  ])('a configuration that is wrong: %j', async (config, said) => {
    expect(await refusal(runtime, config)).toBe(said)
  })

  test('a port that is in use', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const said = await refusal(runtime, logAt('fine.db'), ['--port', String(port)])
    expect(said).toBe(
      `cannot listen on 127.0.0.1:${port}: the port is in use; choose another with --port, LLB_PORT or general.listen_port\n`,
    )
    server.close()
  })

  test('a log that another process is writing', async () => {
    const world = await startWorld({ runtime: 'bun', llms: {}, others: [LLM] })
    const said = await refusal(runtime, logAt(world.server.dbPath))
    expect(said).toBe(
      `Another process is writing the event log ${world.server.dbPath}. ` +
        'Stop it first, or set event_log.path to another file.\n',
    )
    world.server.kill('SIGKILL')
    await world.server.exited
    await world.restart()
    expect((await world.ask(say('auto', 'x'))).status).toBe(200)
    await world.close()
  })

  test('a command line that means nothing', async () => {
    expect(await refusal(runtime, logAt('fine.db'), ['--port', '99999'])).toBe(
      'The port is "99999"; it must be a whole number from 0 to 65535.\n',
    )
    const { code, stderr } = await runCommand(runtime, ['serv'], { cwd: dir })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^There is no command "serv"\. Commands: serve, check, .+\.\n$/)
  })
})

test.each(RUNTIMES)(
  'a command on %s whose output nobody reads any more ends without a word',
  async (runtime) => {
    writeFileSync(join(dir, 'piped.yaml'), JSON.stringify({ llms: [LLM] }))
    const [program, ...options] = runtimeCommand(runtime)
    const args = [...options, join(ROOT, 'src/main.ts'), 'check', '--config', join(dir, 'piped.yaml')]
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let said = ''
    child.stderr.on('data', (data) => {
      said += data
    })
    await once(child, 'close')
    expect([child.exitCode, said]).toEqual([0, ''])
  },
)

test.each(RUNTIMES)('a command on %s whose mistakes nobody reads keeps its exit code', async (runtime) => {
  const [program, ...options] = runtimeCommand(runtime)
  const args = [...options, join(ROOT, 'src/main.ts'), 'check', '--config', join(dir, 'nowhere.yaml')]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stderr.destroy()
  await once(child, 'close')
  expect(child.exitCode).toBe(2)
})

test.each(RUNTIMES)('a server on %s goes on when nobody reads its log any more', async (runtime) => {
  writeFileSync(join(dir, 'unread.yaml'), logAt(`unread-${runtime}.db`))
  const [program, ...options] = runtimeCommand(runtime)
  const args = [
    ...options,
    join(ROOT, 'src/main.ts'),
    'serve',
    '--config',
    join(dir, 'unread.yaml'),
    '--port',
    '0',
  ]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for await (const data of child.stderr) {
    said += data
    if (said.includes('listening on http')) break
  }
  const address = /listening on (http\S+)/.exec(said)![1]
  child.stderr.destroy()
  for (let i = 0; i < 3; i++) {
    const body = JSON.stringify(say('auto', 'x'))
    const answer = await fetch(`${address}/v1/chat/completions`, { method: 'POST', body })
    expect(answer.status).toBe(200)
    await answer.text()
  }
  child.kill('SIGTERM')
  await once(child, 'close')
  expect(child.exitCode).toBe(0)
})
