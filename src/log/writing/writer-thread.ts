import { parentPort, workerData } from 'node:worker_threads'
import { keepLog } from './keeper.ts'
import { answerCalls } from './writer-calls.ts'

/** The thread in which a log is written; `workerData` is the path of the log. */
answerCalls(parentPort!, () => keepLog(workerData as string))
