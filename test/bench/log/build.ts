import { setImmediate } from 'node:timers/promises'
import { checkpointText } from '../../../src/core/checkpoint.ts'
import type { Event } from '../../../src/core/events.ts'
import { createFold, foldInto } from '../../../src/core/fold.ts'
import { createCheckpointer } from '../../../src/log/writing/checkpointer.ts'
import { openLog } from '../../../src/log/sqlite.ts'
import type { Config } from '../../../src/config/config.ts'
import { repeated, type Start } from './day.ts'

/** Events in a commit, as under load. */
export const BATCH = 64
/** Events between two turns of the event loop, in which a checkpoint may be stored. */
const TURN = 50 * BATCH

export interface Built {
  readonly events: number
  readonly bytes: number
  readonly checkpoints: number
  readonly checkpointBytes: number
  /** Time in which events were appended, without what it took to make them, in ms of the clock and of CPU. */
  readonly appendMs: number
  readonly appendCpuMs: number
}

/** Writes days until there are so many events, with checkpoints as a server stores them. */
export async function buildLog(path: string, day: readonly Event[], most: number): Promise<Built> {
  const log = openLog(path)
  const { config, config_hash: configHash } = (day[0] as Start).data
  const fold = createFold((config as Config).llms)
  const sizes: number[] = []
  const store: Pick<typeof log, 'checkpoint'> = {
    checkpoint(checkpoint) {
      sizes.push(checkpoint.state.length)
      log.checkpoint(checkpoint)
    },
  }
  const checkpointer = createCheckpointer({
    store,
    configHash,
    config,
    take: (at) => checkpointText(fold, at),
  })
  let [events, appendMs, appendCpuMs] = [0, 0, 0]
  const append = (turn: readonly Event[]) => {
    const [before, cpu] = [performance.now(), process.cpuUsage()]
    for (let i = 0; i < turn.length; i += BATCH) log.append(turn.slice(i, i + BATCH))
    appendMs += performance.now() - before
    const { user, system } = process.cpuUsage(cpu)
    appendCpuMs += (user + system) / 1000
  }
  for (let days = 0; events < most; days++) {
    let turn: Event[] = []
    const flush = async () => {
      append(turn)
      for (const event of turn) {
        foldInto(fold, event)
        checkpointer.recorded(event)
      }
      if (sizes.length === 0) await checkpointer.store()
      events += turn.length
      turn = []
      await setImmediate()
    }
    for (const event of repeated(day, days, days * day.length)) {
      if (turn.push(event) === TURN) await flush()
      if (events >= most) break
    }
    await flush()
  }
  const bytes = log.usedBytes()
  log.close()
  const checkpointBytes = sizes.reduce((sum, size) => sum + size, 0)
  return { events, bytes, checkpoints: sizes.length, checkpointBytes, appendMs, appendCpuMs }
}
