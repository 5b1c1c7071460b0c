import { expect, test } from 'vitest'
import { describeFailure, runSeed } from '../../src/sim/campaign.ts'

/** Worlds in which something did not hold once, by its cause. */
const SEEDS: Readonly<Record<string, readonly number[]>> = {
  'a lower limit was believed of headers whose numbers are all too small, as calls under way were counted too':
    [4180, 12_277, 19_611],
  'what a bucket that holds less than its limit never has left was taken for used': [9906, 20_704, 32_240],
  'a plan was kept for a queue that was gone, so that a newcomer was queued though it could start': [
    27_905, 35_041,
  ],
  'a call took less of all limits than its provider counts, as one of them was learned to hold less': [
    9761, 15_395,
  ],
}

test.each(Object.entries(SEEDS))('%s', (_, seeds) => {
  for (const seed of seeds) {
    const result = runSeed(seed)
    if (result.violation !== null) expect.fail(describeFailure(seed, result))
  }
})
