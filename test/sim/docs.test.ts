import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FEATURES } from '../../src/sim/swarm.ts'
import { parseWorkload } from '../../src/sim/workload.ts'
import { workloadSchema } from '../../src/sim/workload-schema.ts'
import { runCommand } from '../e2e/harness.ts'
import { ROOT } from '../e2e/runtimes.ts'

const PATH = join(ROOT, 'docs/simulation.md')
const text = readFileSync(PATH, 'utf8')
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block]) => block!)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-docs-'))
  const [config, workload] = blocks('yaml')
  writeFileSync(join(folder, 'plan.yaml'), config!)
  writeFileSync(join(folder, 'team.yaml'), workload!)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the command of the page prints what stands there (UPDATE=1 writes it)', async () => {
  const block = blocks('console')[0]!
  const command = block.split('\n')[0]!
  const args = command.replace('$ npm run llb -- ', '').split(' ')
  const { code, stdout, stderr } = await runCommand('bun', args, { cwd: folder })
  expect({ code, stderr: stderr.replace(/^simulated .*\n/gm, '') }).toEqual({ code: 0, stderr: '' })
  const printed = `${command}\n${stdout}`
  if (process.env.UPDATE === '1')
    writeFileSync(
      PATH,
      text.replace(block, () => printed),
    )
  else expect(block).toBe(printed)
})

test('the workload of the page is valid', () => {
  const result = parseWorkload(blocks('yaml')[1]!, 'team.yaml')
  expect(result.ok ? '' : result.message).toBe('')
})

test('every key of a workload is explained', () => {
  const keys = [
    ...Object.keys(workloadSchema.entries),
    ...[...readFileSync(join(ROOT, 'src/sim/workload-schema.ts'), 'utf8').matchAll(/^ {2}(\w+): /gm)].map(
      ([, key]) => key!,
    ),
  ]
  expect(keys.length).toBeGreaterThan(18)
  expect(keys.filter((key) => !text.includes(`\`${key}\``))).toEqual([])
})

describe('the numbers of the page', () => {
  test('are those of the code', () => expect(text).toContain(`each of ${FEATURES.length} features`))

  test('and its commands exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    for (const [, name] of blocks('sh')
      .join('')
      .matchAll(/npm run ([\w:]+)/g))
      expect(scripts).toHaveProperty(name!)
  })
})
