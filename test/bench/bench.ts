import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { relayingConfig, simulatedConfig } from './config.ts'
import { chunkCost, crowdOf, idleMemory, type Size, startUp, wholeCost } from './measure.ts'
import { start } from './process.ts'
import { judge, type Results, render, writeBetweenMarkers } from './report.ts'

/**
 * What the balancer costs against the barest proxy on the same runtime, in one run, in CPU time.
 * `npm run bench` measures, updates docs/benchmarks.md and ends with 1 when a target is missed.
 * `npm run bench -- --quick` only shows that everything works: it writes nothing and ends with 1 on errors alone.
 */
const FULL: Size = { rounds: 7, requests: 8000, streams: 200, chunks: 300, crowd: 1500, starts: 5 }
const QUICK: Size = { rounds: 1, requests: 500, streams: 20, chunks: 50, crowd: 100, starts: 1 }

const quick = process.argv.includes('--quick')
const folder = mkdtempSync(join(tmpdir(), 'llb-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const results = await measure(quick ? QUICK : FULL)

const lines = judge(results)
const report = render(lines, results)
process.stdout.write(`${report}\n`)
if (!quick) writeBetweenMarkers(new URL('../../docs/benchmarks.md', import.meta.url).pathname, report)
const errors = results.whole.errors + results.chunk.errors + results.crowd.errors
process.exit((quick ? errors === 0 : lines.every(({ met }) => met)) ? 0 : 1)

async function measure(size: Size): Promise<Results> {
  const upstream = await start(['test/bench/upstream.ts'])
  const passThrough = (mode: string) =>
    start(['test/bench/passthrough.ts', mode, `http://127.0.0.1:${upstream.port}`])
  const forward = await passThrough('forward')
  const bare = await passThrough('bare')
  const own = await start(serve(relayingConfig(folder, upstream.port)))
  const proxies = { forward, bare, own }
  const whole = await wholeCost(proxies, size)
  const chunk = await chunkCost(proxies, size)
  const crowd = await crowdOf(own, size.crowd)
  for (const running of [own, bare, forward, upstream]) await running.stop()
  const simulated = serve(simulatedConfig(folder))
  const startUpMs = await startUp(simulated, size.starts)
  const idleMb = await idleMemory(simulated)
  return { whole, chunk, crowd, startUpMs, idleMb }
}

function serve(config: string): string[] {
  return ['src/main.ts', 'serve', '--config', config]
}
