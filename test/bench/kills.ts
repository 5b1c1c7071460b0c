import { parseArgs } from 'node:util'
import { killAgainAndAgain } from '../e2e/kills.ts'
import { RUNTIMES, type Runtime } from '../e2e/runtimes.ts'

/**
 * Kills a server under load, each time at a random instant, holds its log against what the providers have seen, and
 * stops with 1 when something does not hold. `npm run campaign:kills -- --kills 200 --runtime bun --seed 1`
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    runtime: { type: 'string', default: 'bun' },
    seed: { type: 'string', default: '1' },
  },
})
const [kills, seed] = [Number(values.kills), Number(values.seed)]
const runtime = RUNTIMES.find((name) => name === values.runtime) as Runtime
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed) || runtime === undefined) {
  process.stderr.write('as in: npm run campaign:kills -- --kills 200 --runtime bun --seed 1\n')
  process.exit(2)
}

let told = performance.now()
const result = await killAgainAndAgain({
  ...{ runtime, kills, seed },
  killed(count) {
    if (performance.now() - told < 5000) return
    told = performance.now()
    process.stderr.write(`${count} of ${kills} kills\n`)
  },
})
for (const line of result.wrong) process.stdout.write(`${line}\n`)
const { events, requests, calls, restarted, wrong } = result
process.stdout.write(
  `${runtime}: ${kills} kills, ${requests} requests, ${calls} calls, ${events} events; ` +
    `${restarted} requests were ended by a restart; ${wrong.length} faults\n`,
)
process.exit(wrong.length === 0 ? 0 : 1)
