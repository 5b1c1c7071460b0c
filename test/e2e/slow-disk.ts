import { parseArgs } from 'node:util'
import { configurationOf } from '../../src/cli/configuration.ts'
import { serve } from '../../src/cli/serve.ts'

/** `llb serve` with a log on a slow disk. */
const { values } = parseArgs({
  allowPositionals: true,
  options: { config: { type: 'string' }, port: { type: 'string' } },
})
const { config, warnings } = configurationOf(values.config, process.env)!
const general = { ...config.general, listenPort: Number(values.port) }
await serve({ ...config, general }, warnings, process.env, new URL('slow-thread.ts', import.meta.url))
