import type { Config } from '../config/config.ts'
import { formatProblems, loadConfig } from '../config/load.ts'

/** The configuration that a command line asks for; null after telling what is wrong with it. */
export function configurationOf(
  path: string | boolean | undefined,
  env: NodeJS.ProcessEnv,
): { config: Config; warnings: readonly string[]; file: string } | null {
  const file = typeof path === 'string' ? path : env.LLB_CONFIG || 'config.yaml'
  const result = loadConfig(file)
  if (result.ok) return { config: result.config, warnings: result.warnings, file }
  process.stderr.write(`${formatProblems(result.problems)}\n`)
  return null
}
