import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { keepLog } from '../../src/log/writing/keeper.ts'
import { answerCalls } from '../../src/log/writing/writer-calls.ts'

/** The thread of a log on a disk that takes a second for every commit while there is a file `slow` beside the log. */
const path = workerData as string
const never = new Int32Array(new SharedArrayBuffer(4))
answerCalls(parentPort!, () => {
  const keeper = keepLog(path)
  return {
    ...keeper,
    write(segment) {
      if (existsSync(`${path}.slow`)) Atomics.wait(never, 0, 0, 1000)
      return keeper.write(segment)
    },
  }
})
