import { suggestion } from '../config/suggest.ts'
import { DURATION, durationMs, durationText } from '../config/units.ts'
import { type Figures, type SimulateOptions, simulate, tightest, withOneMoreKey } from '../sim/simulate.ts'
import { loadWorkload } from '../sim/workload.ts'
import { failed, type Values, wrong } from './command.ts'
import { configurationOf } from './configuration.ts'
import { LogError } from '../log/store.ts'
import { createNewLog } from './new-log.ts'
import { createProgress } from './progress.ts'
import { describe, type OneMore } from './simulate-report.ts'
import { minutes } from './times.ts'

/** `llb simulate`: what a workload would meet under a configuration, in virtual time. */
export function simulateCommand(values: Values, env: NodeJS.ProcessEnv): number {
  const name = typeof values.workload === 'string' ? values.workload : 'steady'
  const seed = typeof values.seed === 'string' ? values.seed : '1'
  if (!/^\d{1,9}$/.test(seed)) return wrong(`--seed is "${seed}"; it must be a whole number of at least 0.`)
  const span = values.for
  if (typeof span === 'string' && !(DURATION.test(span) && durationMs(span) > 0))
    return wrong(`--for is "${span}"; it must be a duration such as 30m, 24h or 7d.`)
  const loaded = configurationOf(values.config, env)
  if (loaded === null) return 2
  const found = loadWorkload(name)
  if (!found.ok) return wrong(found.message)
  const { workload } = found
  const unknown = Object.keys(workload.llms).find((llm) =>
    loaded.config.llms.every(({ group }) => group !== llm),
  )
  if (unknown !== undefined) {
    const near = suggestion(
      unknown,
      loaded.config.llms.map(({ group }) => group),
    )
    return wrong(`${name}: llms: no LLM of the configuration has the name "${unknown}"${near || '.'}`)
  }

  const forMs = typeof span === 'string' ? durationMs(span) : workload.for
  const options = {
    config: loaded.config,
    workload,
    seed: Number(seed),
    forMs,
  }
  const title = `${name} for ${durationText(forMs)} on ${loaded.file}, seed ${seed}`
  try {
    const figures = typeof values.log === 'string' ? recorded(options, values.log) : simulated(options)
    const oneMore = withMore(options, figures)
    const more = oneMore.map(({ llm, limit, figures: changed }) => ({ llm, limit, ...changed }))
    const json = () => JSON.stringify({ seed: options.seed, ...figures, one_more: more }, null, 2)
    process.stdout.write(values.json === true ? `${json()}\n` : `${title}\n\n${describe(figures, oneMore)}`)
    return 0
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    return failed(error.message)
  }
}

/** Runs the simulation and keeps its events in a new log. */
function recorded(options: SimulateOptions, path: string): Figures {
  const log = createNewLog(path)
  try {
    return simulated({ ...options, event: log.add })
  } finally {
    log.close()
  }
}

/** More LLMs than these are not tried with one more key. */
const TRIED_MAX = 3

/** The same again with one more key, for each of the LLMs whose limits kept requests waiting longest. */
function withMore(options: SimulateOptions, figures: Figures): OneMore[] {
  const { config } = options
  return tightest(config, figures, TRIED_MAX).map(({ group: llm, limit }) => {
    const keyed = config.llms.some((spec) => spec.group === llm && spec.keyName !== null)
    const changed = simulated({ ...options, config: withOneMoreKey(config, llm) })
    return { llm, limit, keyed, figures: changed }
  })
}

/** Simulates, and shows how far it is. */
function simulated(options: Omit<SimulateOptions, 'progress'>): Figures {
  const progress = createProgress('simulated', options.forMs, minutes)
  const figures = simulate({ ...options, progress: progress.update })
  progress.end()
  return figures
}
