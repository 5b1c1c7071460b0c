import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLog, openLogReader } from '../../src/log/sqlite.ts'
import { ticks } from '../support/events.ts'
import { ROOT, RUNTIMES, runtimeCommand } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

let world: World<'only'>
afterEach(() => world?.close())

const ask = () => world.ask(say('only', 'x', { max_tokens: 10 }))
const health = async () => (await (await fetch(`${world.server.url}/ready`)).json()).log
const isIn = (status: string) => async () => (await health()).status === status

/** Asks until the log is found to fail, and a few times more; every request is answered. */
async function askWhileItFails(): Promise<void> {
  await until(async () => {
    expect((await ask()).status).toBe(200)
    return (await health()).status === 'failing'
  }, 'the log fails')
  for (let i = 0; i < 3; i++) expect((await ask()).status).toBe(200)
}

/** That it went on without a gap, and what it says of the time in which it failed. */
async function healed(): Promise<void> {
  await until(isIn('ok'), 'the log is written again')
  expect((await ask()).status).toBe(200)
  await until(() => world.log().some(({ type }) => type === 'log.resumed'), 'the log tells of it')
  const log = world.log()
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1))
  const data = log.find(({ type }) => type === 'log.resumed')?.data
  expect(data).toEqual({ dropped: 0, failing_ms: expect.any(Number) })
  await world.server.saw(/The event log can be written again; 0 events were lost\./)
}

describe.each(RUNTIMES)('on %s, a log', (runtime) => {
  const start = (more: object = {}) => startWorld({ runtime, llms: { only: {} }, ...more })

  test('that another program locks is written again once it lets go', async () => {
    world = await start()
    expect((await ask()).status).toBe(200)
    const other = new Database(world.server.dbPath)
    other.exec('BEGIN EXCLUSIVE')
    await askWhileItFails()
    await world.server.saw(/cannot be written: database is locked; end the program that keeps it locked\./)
    other.exec('ROLLBACK')
    other.close()
    await healed()
  })

  test('that is deleted goes on in a new file, and this is said', async () => {
    world = await start()
    expect((await ask()).status).toBe(200)
    for (const end of ['', '-wal', '-shm', '.lock']) rmSync(`${world.server.dbPath}${end}`)
    await until(async () => {
      expect((await ask()).status).toBe(200)
      return world.server.stderr().includes('The event log was moved or deleted; a new one begins')
    }, 'it is noticed')
    const log = world.log()
    expect(log.length).toBeGreaterThan(0)
    expect(log[0]!.seq).toBeGreaterThan(1)
    await until(async () => {
      const reader = openLogReader(world.server.dbPath)
      const checkpoint = reader.lastCheckpoint(Number.MAX_SAFE_INTEGER)
      reader.close()
      return checkpoint !== null
    }, 'what the limits have used is kept, too')
    expect(await health()).toEqual({ status: 'ok', dropped: 0 })
    world.server.kill()
    expect(await world.server.exited).toBe(0)
  })

  test('that is overwritten ends no process, and goes on in a new file once it is moved away', async () => {
    world = await start()
    expect((await ask()).status).toBe(200)
    for (const end of ['', '-wal']) {
      const { size } = statSync(`${world.server.dbPath}${end}`)
      writeFileSync(`${world.server.dbPath}${end}`, 'not a log '.repeat(size / 10))
    }
    for (let i = 0; i < 5; i++) expect((await ask()).status).toBe(200)
    renameSync(world.server.dbPath, `${world.server.dbPath}.damaged`)
    await until(async () => {
      expect((await ask()).status).toBe(200)
      return world.server.stderr().includes('The event log was moved or deleted; a new one begins')
    }, 'it is noticed')
    await until(isIn('ok'), 'the log is written again')
    expect(world.log().length).toBeGreaterThan(0)
    world.server.kill()
    expect(await world.server.exited).toBe(0)
  })

  test('on a slow disk holds up what needs a commit and nothing else', async () => {
    world = await start({
      llms: { only: { options: { outputTokens: 300, chunkDelayMs: 10 } } },
      script: 'test/e2e/slow-disk.ts',
    })
    const stream = await world.ask(say('only', 'streams', { stream: true }))
    const gaps = gapsOf(stream)
    await new Promise((resolve) => setTimeout(resolve, 300))
    writeFileSync(`${world.server.dbPath}.slow`, '')
    const since = performance.now()
    expect((await ask()).status).toBe(200)
    expect(performance.now() - since).toBeGreaterThan(1900)
    const during = await gaps
    expect(during.length).toBeGreaterThan(20)
    expect(Math.max(...during)).toBeLessThan(700)
    expect(await health()).toEqual({ status: 'ok', dropped: 0 })
  })
})

describe.each(RUNTIMES)('%s does not start on a log that it may not write', (runtime) => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'llb-readonly-'))
    const llm = { name: 'Sim', api_type: 'simulated', model: 'm', context_length: 100 }
    writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ llms: [llm] }))
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'data'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Starts a server as somebody whom access rights hold, which they do not root. */
  function started() {
    const [command, ...flags] = runtimeCommand(runtime)
    const args = [join(ROOT, 'src/main.ts'), 'serve', '--config', join(folder, 'config.yaml'), '--port', '0']
    const isRoot = process.getuid?.() === 0
    return spawnSync(command, [...flags, ...args], {
      env: { ...process.env, HOME: folder, DENO_DIR: join(folder, 'data') },
      encoding: 'utf8',
      timeout: 15_000,
      ...(isRoot && { uid: 65_534, gid: 65_534 }),
    })
  }

  test('since its folder is read-only', () => {
    chmodSync(join(folder, 'data'), 0o555)
    const { status, stderr } = started()
    expect(stderr).toMatch(
      /^Cannot use the event log \S+: unable to open database file\. Set event_log\.path/,
    )
    expect(status).toBe(2)
  })

  test('since its file is read-only', () => {
    openLog(join(folder, 'data/events.db')).close()
    chmodSync(join(folder, 'data'), 0o777)
    chmodSync(join(folder, 'data/events.db'), 0o444)
    rmSync(join(folder, 'data/events.db.lock'))
    const { status, stderr } = started()
    expect(stderr).toMatch(/^Cannot use the event log \S+: this user may not write it\. Set event_log\.path/)
    expect(status).toBe(2)
  })
})

test('a log that is damaged in its midst is refused at the start with advice', async () => {
  world = await startWorld({ runtime: 'bun', llms: { only: {} } })
  world.server.kill()
  await world.server.exited
  const { dbPath } = world.server
  const log = openLog(dbPath)
  const from = log.last().seq + 1
  for (let i = 0; i < 40; i++)
    log.append(ticks(500, from + 500 * i).map((one) => ({ ...one, at: Date.now() })))
  log.close()
  const bytes = readFileSync(dbPath)
  bytes.fill('damaged ', bytes.length / 4, bytes.length / 2)
  writeFileSync(dbPath, bytes)
  await expect(world.restart()).rejects.toThrow(
    /ended with 2 [\s\S]*Cannot read the event log \S+: .+\. Set event_log\.path to a file/,
  )
})

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

/** How far the server may write into any file, as on a disk that is full. */
function allowBytes(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(world.server.pid), `--fsize=${bytes}:`])
}

// Deno ends at the signal that the system sends for this, which a full disk does not.
describe.runIf(hasPrlimit).each(['bun', 'node'] as const)('on %s, a full disk', (runtime) => {
  test('stops no request, and gets everything once there is room', async () => {
    world = await startWorld({ runtime, llms: { only: {} } })
    allowBytes(statSync(`${world.server.dbPath}-wal`).size)
    await askWhileItFails()
    await world.server.saw(/The event log cannot be written: disk I\/O error; check its disk\./)
    allowBytes('unlimited')
    await healed()
  })

  test('at the stop costs what waits, which is counted, and nothing that was written', async () => {
    world = await startWorld({ runtime, llms: { only: {} } })
    expect((await ask()).status).toBe(200)
    allowBytes(statSync(`${world.server.dbPath}-wal`).size)
    await askWhileItFails()
    const { length } = world.log()
    world.server.kill()
    expect(await world.server.exited).toBe(0)
    expect(world.server.stderr()).toMatch(/[1-9]\d* events are not in the log, and are lost/)
    expect(world.log()).toHaveLength(length)
    await world.restart()
    expect((await ask()).status).toBe(200)
    const log = world.log()
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1))
  })

  test('refuses new requests where that is declared, and takes them again', async () => {
    world = await startWorld({
      runtime,
      llms: { only: {} },
      config: { event_log: { on_failure: 'refuse' } },
    })
    allowBytes(statSync(`${world.server.dbPath}-wal`).size)
    const refused = await until(async () => {
      const answer = await ask()
      return answer.status === 503 && answer
    }, 'a request is refused')
    expect((await refused.json()).error.code).toBe('log_unavailable')
    allowBytes('unlimited')
    await healed()
  })
})

/** The ms between the pieces of an answer as they come. */
async function gapsOf(answer: Response): Promise<number[]> {
  const gaps: number[] = []
  let last = performance.now()
  for await (const _ of answer.body!) {
    gaps.push(performance.now() - last)
    last = performance.now()
  }
  return gaps
}
