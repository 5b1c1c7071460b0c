import { ListenError } from '../http/listen.ts'
import { LogError } from '../log/store.ts'
import { type Values, wrong } from './command.ts'
import { configurationOf } from './configuration.ts'
import { serve } from './serve.ts'

/** `llb serve`: returns once the server listens; the process then lives until a signal. */
export async function serveCommand(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = configurationOf(values.config, env)
  if (loaded === null) return 2
  const port = portOf(values.port ?? env.LLB_PORT)
  if (port === null)
    return wrong(`The port is "${values.port ?? env.LLB_PORT}"; it must be a whole number from 0 to 65535.`)
  const { config, warnings } = loaded
  const { clients } = config
  if (clients.length > 0 && clients.every(({ keyName }) => !env[keyName])) {
    const names = clients.map(({ keyName }) => keyName).join(', ')
    return wrong(
      `No client could be let in: set ${names} in the environment, or remove clients from the configuration.`,
    )
  }
  const listenPort = port ?? config.general.listenPort
  try {
    await serve({ ...config, general: { ...config.general, listenPort } }, warnings, env)
    return 0
  } catch (error) {
    if (!(error instanceof LogError || error instanceof ListenError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}

/** Undefined where none is given, null where it is no port. */
function portOf(text: string | boolean | undefined): number | null | undefined {
  if (typeof text !== 'string' || text === '') return undefined
  const port = Number(text)
  return /^\d+$/.test(text) && port <= 65_535 ? port : null
}
