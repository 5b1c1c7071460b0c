import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ROOT, runtimeCommand } from '../../e2e/runtimes.ts'

test('a small campaign of verification finds all decisions identical, on every runtime', {
  timeout: 180_000,
}, () => {
  const [command, ...flags] = runtimeCommand('bun')
  const small = ['--events', '1', '--days', '1', '--worlds', '5', '--bursts', '1', '--requests', '20']
  const args = [...flags, 'test/bench/verify/verify.ts', ...small]
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout.match(/\| 100 % identical, [\d,]+\/s (?=\|)/g)).toHaveLength(15)
  expect(stdout).toMatch(
    /^[\d,]+ events in all, verified by each runtime; at most \d+ MB resident while verifying\.$/m,
  )
})
