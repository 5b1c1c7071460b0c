import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, type Runtime, runtimeCommand } from './runtimes.ts'

export interface ServerOptions {
  readonly runtime: Runtime
  /** YAML text, written to `config.yaml` in the server's directory. */
  readonly config: string
  readonly env?: Record<string, string>
  /** The directory of an earlier server, to restart on its log; a new temporary one otherwise. */
  readonly dir?: string
  /** 0, any free port, by default. */
  readonly port?: number
  /** The program, relative to the repository; `src/main.ts` by default. */
  readonly script?: string
}

export interface RunningServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dir: string
  /** The log, for a configuration that leaves `event_log.path` as it is. */
  readonly dbPath: string
  stdout(): string
  stderr(): string
  /** Resolves as soon as standard output and error, taken together, match. Rejects when the server ends first. */
  saw(pattern: RegExp): Promise<void>
  kill(signal?: NodeJS.Signals): void
  /** The exit code; 128 plus the signal's number when a signal ended it. */
  readonly exited: Promise<number>
  /** Kills the server and removes its directory. */
  discard(): Promise<void>
}

const START_TIMEOUT_MS = 15_000
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Resolves once the server says where it listens. Rejects, with all it printed, when it ends or stays silent. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'llb-'))
  const configPath = join(dir, 'config.yaml')
  writeFileSync(configPath, options.config)
  const [command, ...flags] = runtimeCommand(options.runtime)
  const script = join(ROOT, options.script ?? 'src/main.ts')
  const args = [...flags, script, 'serve', '--config', configPath, '--port', String(options.port ?? 0)]
  const env = { ...process.env, NO_COLOR: '1', BUN_CONFIG_MAX_HTTP_REQUESTS: '65336', ...options.env }
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const output = collect(child)

  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  const address = /listening on (http:\/\/\S+:(\d+))/
  await output.saw(address).finally(() => clearTimeout(timer))
  const [, url = '', port = ''] = address.exec(output.text()) ?? []
  return {
    url,
    port: Number(port),
    pid: child.pid ?? 0,
    dir,
    dbPath: join(dir, 'data/events.db'),
    ...output,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    async discard() {
      child.kill('SIGKILL')
      await output.exited
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of `src/main.ts` to its end, which must come within the time a server has to start. */
export async function runCommand(
  runtime: Runtime,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<CommandResult> {
  const [command, ...flags] = runtimeCommand(runtime)
  const child = spawn(command, [...flags, join(ROOT, 'src/main.ts'), ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const output = collect(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  const code = await output.exited
  clearTimeout(timer)
  return { code, stdout: output.stdout(), stderr: output.stderr() }
}

function collect(child: ChildProcess) {
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  const notify = () => {
    for (const watcher of watchers) watcher()
  }
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text
    notify()
  })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text
    notify()
  })
  const text = () => stdout + stderr
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })

  function saw(pattern: RegExp): Promise<void> {
    const matched = new Promise<void>((resolve) => {
      const watcher = () => {
        if (!pattern.test(text())) return
        watchers.delete(watcher)
        resolve()
      }
      watchers.add(watcher)
      watcher()
    })
    const ended = exited.then((code) => {
      if (!pattern.test(text()))
        throw new Error(`the server ended with ${code} before ${pattern}:\n${text()}`)
    })
    return Promise.race([matched, ended])
  }

  return { stdout: () => stdout, stderr: () => stderr, text, saw, exited }
}
