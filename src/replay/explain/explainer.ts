import { Worker } from 'node:worker_threads'
import type { Explanation } from './explanation.ts'
import type { Missing } from './find-request.ts'

/** What a question is answered with; `unreadable` when the log itself could not be read. */
export type Told = Explanation | Missing | { readonly missing: 'unreadable'; readonly message: string }

export interface Asked {
  readonly path: string
  readonly id: string
}

export interface Explainer {
  /** Rejects when the thread breaks, which is a bug. */
  explain(id: string): Promise<Told>
}

interface Waiting {
  readonly resolve: (told: Told) => void
  readonly reject: (error: unknown) => void
}

const THREAD = new URL('./thread.ts', import.meta.url)

/**
 * Explains requests beside a process that serves: in a thread of its own, which starts with the first question, so that
 * no stream waits for the log to be read. A thread that breaks is replaced at the next question.
 */
export function createExplainer(path: string, program: URL = THREAD): Explainer {
  let thread: Worker | null = null
  const waiting: Waiting[] = []

  function started(): Worker {
    if (thread !== null) return thread
    const worker = new Worker(program)
    worker.on('message', (told: Told) => waiting.shift()?.resolve(told))
    const broke = (error: unknown) => {
      // It fails first and ends then, by when there may be another.
      if (thread !== worker) return
      thread = null
      for (const { reject } of waiting.splice(0)) reject(error)
    }
    worker.on('error', broke)
    worker.on('exit', (code) => broke(new Error(`the thread that explains requests ended with ${code}`)))
    worker.unref()
    thread = worker
    return worker
  }

  return {
    explain(id) {
      const asked: Asked = { path, id }
      started().postMessage(asked)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
  }
}
