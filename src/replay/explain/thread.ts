import { parentPort } from 'node:worker_threads'
import { openLogReader, reading } from '../../log/sqlite.ts'
import { LogError } from '../../log/store.ts'
import { explain } from './explain.ts'
import type { Asked, Told } from './explainer.ts'

/** The thread of an explainer: one answer for each question, in order. */
parentPort!.on('message', ({ path, id }: Asked) => parentPort!.postMessage(answer(path, id)))

/** A connection of its own for each question: none of them holds the log longer than it takes. */
function answer(path: string, id: string): Told {
  try {
    const log = openLogReader(path)
    try {
      return reading(path, () => explain(log, id))
    } finally {
      log.close()
    }
  } catch (error) {
    if (error instanceof LogError) return { missing: 'unreadable', message: error.message }
    throw error
  }
}
