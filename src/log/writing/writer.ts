import { Worker } from 'node:worker_threads'
import { pack } from '../segment.ts'
import { LogError, type LogWriter } from '../store.ts'
import type { Answer, Call } from './writer-calls.ts'

export const WRITER_THREAD = new URL('./writer-thread.ts', import.meta.url)

/**
 * Opens a log for writing in a thread of its own, where nothing but the log waits for a disk. A thread that ends by
 * itself is replaced at the next call.
 * Rejects with a LogError when the log cannot be opened.
 */
export async function openWriter(path: string, thread: URL = WRITER_THREAD): Promise<LogWriter> {
  let running = await start(path, thread)
  let starting: Promise<void> | null = null

  /** Starts a thread in place of one that ended: one for all calls that come meanwhile, since only one may write. */
  async function replace(): Promise<void> {
    try {
      running = await start(path, thread)
    } finally {
      starting = null
    }
  }

  async function call(...asked: Call): Promise<Answer> {
    if (running.ended()) {
      starting ??= replace()
      try {
        await starting
      } catch (error) {
        return { why: (error as Error).message }
      }
    }
    return running.call(asked)
  }

  async function value(...asked: Call): Promise<unknown> {
    const answer = await call(...asked)
    if ('why' in answer) throw new LogError(answer.why)
    return answer.value
  }

  return {
    async append(events) {
      const answer = await call('write', pack(events))
      if ('why' in answer) return { ok: false, why: answer.why }
      return { ok: true, renewed: answer.value === true }
    },
    checkpoint: async (checkpoint) => void (await value('checkpoint', checkpoint)),
    prune: async (before, most) => (await value('prune', before, most)) as number,
    usedBytes: async () => (await value('usedBytes')) as number,
    async close() {
      if (!running.ended()) await running.call(['close'])
      await running.exited
    },
  }
}

interface Thread {
  call(call: Call): Promise<Answer>
  ended(): boolean
  readonly exited: Promise<void>
}

async function start(path: string, thread: URL): Promise<Thread> {
  const worker = new Worker(thread, { workerData: path })
  const asked: ((answer: Answer) => void)[] = []
  const answered = () => new Promise<Answer>((resolve) => void asked.push(resolve))
  const opened = answered()
  let because = 'its thread ended'
  let isEnded = false
  worker.on('message', (answer: Answer) => asked.shift()!(answer))
  worker.on('error', (error) => {
    because = `its thread failed: ${error.message}`
  })
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      isEnded = true
      for (const answer of asked.splice(0)) answer({ why: because })
      resolve()
    })
  })
  const answer = await opened
  if ('why' in answer) {
    await exited
    throw new LogError(answer.why)
  }
  return {
    call(call) {
      const answer = answered()
      worker.postMessage(call)
      return answer
    },
    ended: () => isEnded,
    exited,
  }
}
