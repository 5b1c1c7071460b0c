import { parseArgs } from 'node:util'
import { commandFor, runCampaign } from '../../src/sim/campaign.ts'
import { describeSwarm, drawSwarm } from '../../src/sim/swarm.ts'

/**
 * Runs many worlds, each drawn from its seed, and stops with 1 at the first in which something does not hold.
 * `npm run campaign -- --seeds 10000 --from 1`
 */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } },
})
const [seeds, from] = [Number(values.seeds), Number(values.from)]
if (!Number.isSafeInteger(seeds) || !Number.isSafeInteger(from) || seeds < 1 || from < 0) {
  process.stderr.write(
    '--seeds and --from are whole numbers, as in: npm run campaign -- --seeds 10000 --from 1\n',
  )
  process.exit(2)
}
process.stdout.write(`seed ${from}: ${describeSwarm(drawSwarm(from))}\nagain: ${commandFor(from)}\n`)

const since = performance.now()
let told = since
const rate = (done: number) => Math.round((done * 1000) / (performance.now() - since))
const result = runCampaign({
  from,
  seeds,
  passed(seed) {
    if (performance.now() - told < 5000) return
    told = performance.now()
    process.stderr.write(`seed ${seed}, ${rate(seed - from + 1)} seeds/s\n`)
  },
})
if (result.failure !== null) process.stdout.write(`${result.failure}\n`)
const { events, digest } = result
process.stdout.write(
  `${result.seeds} seeds, ${events} events, ${rate(result.seeds)} seeds/s, digest ${digest.toString(16)}\n`,
)
process.exit(result.failure === null ? 0 : 1)
