import type { MessagePort } from 'node:worker_threads'
import type { Keeper } from './keeper.ts'

/** What is asked of the thread: one of the keeper's functions, with its arguments. */
export type Call = { [K in keyof Keeper]: [name: K, ...args: Parameters<Keeper[K]>] }[keyof Keeper]

/** What the thread says to each call, in their order. Its first answer is to its start. */
export type Answer = { value: unknown } | { why: string }

/** Answers every call until the log is closed; the thread then ends for want of anything to do. */
export function answerCalls(port: MessagePort, open: () => Keeper): void {
  let keeper: Keeper
  try {
    keeper = open()
    port.postMessage({ value: null })
  } catch (error) {
    return port.postMessage(refusal(error))
  }
  const answer = ([name, ...args]: Call) => {
    try {
      const run = keeper[name] as (...args: unknown[]) => unknown
      port.postMessage({ value: run(...args) })
    } catch (error) {
      port.postMessage(refusal(error))
    }
    if (name === 'close') port.off('message', answer)
  }
  port.on('message', answer)
}

function refusal(error: unknown): Answer {
  return { why: (error as Error).message }
}
