import { existsSync, writeFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { keepLog } from '../../src/log/writing/keeper.ts'
import { answerCalls } from '../../src/log/writing/writer-calls.ts'

/** A thread of the log that dies once, right after it has written event 4 and before it can say so. */
const path = workerData as string
answerCalls(parentPort!, () => {
  const keeper = keepLog(path)
  return {
    ...keeper,
    write(segment) {
      const renewed = keeper.write(segment)
      if (segment.seq === 4 && !existsSync(`${path}.died`)) {
        writeFileSync(`${path}.died`, '')
        process.exit(1)
      }
      return renewed
    },
  }
})
