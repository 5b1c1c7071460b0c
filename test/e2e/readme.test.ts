import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand, startServer } from './harness.ts'
import { ROOT, RUNTIMES, type Runtime, runtimeCommand } from './runtimes.ts'
import { closedAddress } from './world.ts'

const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const ADDRESS = 'http://127.0.0.1:8080'

/** The fenced blocks of a language, in order. */
function blocks(text: string, language: string): string[] {
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  return [...found].map(([, block = '']) => block)
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-readme-'))
  // So that the examples find their packages.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function execute(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd: folder }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stdout),
    )
  })
}

/** Serves the shipped configuration with no key in the environment; whatever else runs here is out of reach. */
async function serveShipped(runtime: Runtime) {
  const shipped = readFileSync(join(ROOT, 'config.yaml'), 'utf8')
  const nobody = await closedAddress()
  const config = shipped.replace(/^( +)api_type: ollama$/m, `$&\n$1base_url: ${nobody}`)
  expect(config).not.toBe(shipped)
  return startServer({ runtime, config, env: { GEMINI_API_KEY: '', GROQ_API_KEY: '' } })
}

describe.each(RUNTIMES)('the first minute with the README, on %s', (runtime) => {
  let server: Awaited<ReturnType<typeof startServer>>
  beforeAll(async () => {
    server = await serveShipped(runtime)
  })
  afterAll(() => server?.discard())

  test('begins with the curl command, which gets an answer', async () => {
    const command = blocks(README, 'sh').find((block) => block.startsWith('curl'))!
    const said = await execute('sh', ['-c', command.replace(ADDRESS, `-s ${server.url}`)])
    expect(JSON.parse(said).choices[0].message.content).toContain('simulated')
  })

  test('goes on with the TypeScript example, which prints a stream', async () => {
    const example = blocks(README, 'ts')[0]!
    expect(example).toContain(ADDRESS)
    const file = join(folder, `${runtime}.ts`)
    writeFileSync(file, example.replace(ADDRESS, server.url))
    const [command, ...flags] = runtimeCommand(runtime)
    expect(await execute(command, [...flags, file])).toContain('simulated')
  })
})

test('npm start is what the tests start, and npm run llb any other command', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(scripts.start).toMatch(/bun src\/main\.ts serve$/)
  expect(scripts.llb).toMatch(/bun src\/main\.ts$/)
  for (const [, name] of README.matchAll(/`npm run (\w+)`/g)) expect(scripts).toHaveProperty(name!)
})

test.each(blocks(README, 'yaml').map((block) => [block]))('passes llb check:\n%s', async (config) => {
  writeFileSync(join(folder, 'config.yaml'), config)
  const { code, stderr } = await runCommand('bun', ['check', '--config', 'config.yaml'], { cwd: folder })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test.each([...README.matchAll(/`npm run llb -- (\w+|--help)`/g)].map(([, command]) => command!))(
  'npm run llb -- %s does what the README says',
  async (command) => {
    const { code, stdout } = await runCommand('bun', [command, '--help'], { cwd: folder })
    expect(code).toBe(0)
    expect(stdout).not.toBe('')
  },
)
