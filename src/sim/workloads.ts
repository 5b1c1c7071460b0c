import type { WorkloadInput } from './workload-schema.ts'

/** The workloads that have a name of their own. */
export const WORKLOADS: Readonly<Record<string, WorkloadInput>> = {
  burst: {
    for: '10m',
    sources: [{ client: 'batch', pattern: 'burst', requests: 200, stream: false, max_wait: '1h' }],
  },
  steady: { for: '1h', sources: [{ pattern: 'random', per_hour: 600 }] },
  'office-day': {
    for: '24h',
    sources: [
      {
        client: 'people',
        pattern: 'profile',
        per_hour: [
          5, 5, 5, 5, 5, 10, 30, 120, 400, 600, 600, 500, 250, 450, 600, 550, 400, 200, 80, 40, 30, 20, 10, 5,
        ],
        leave_share: 0.02,
      },
      {
        client: 'reports',
        pattern: 'burst',
        requests: 40,
        at: '2h',
        every: '24h',
        stream: false,
        max_wait: '6h',
        input_tokens: { mean: 2000, most: 8000 },
      },
    ],
  },
}
