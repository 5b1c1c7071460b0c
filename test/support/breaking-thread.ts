import { parentPort } from 'node:worker_threads'
import type { Asked } from '../../src/replay/explain/explainer.ts'

/** A thread of an explainer that knows nothing, and breaks at the id `bug`. */
parentPort!.on('message', ({ id }: Asked) => {
  if (id === 'bug') throw new Error('a bug')
  parentPort!.postMessage({ missing: 'unknown', message: id })
})
