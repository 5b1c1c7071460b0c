import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export const RUNTIMES = ['bun', 'node', 'deno'] as const
export type Runtime = (typeof RUNTIMES)[number]

/** The repository's root, with a slash at its end. */
export const ROOT = new URL('../..', import.meta.url).pathname

const MODULES = join(ROOT, 'node_modules')

/**
 * The command that runs a TypeScript file, with absolute paths. These are the runtimes themselves and not their npm
 * wrappers, because a signal sent to a wrapper does not reach the server.
 */
export function runtimeCommand(runtime: Runtime): [string, ...string[]] {
  if (runtime === 'bun') return [join(MODULES, '.bin/bun')]
  if (runtime === 'node') return [join(MODULES, '.bin/node')]
  return [denoBinary(), 'run', '-A']
}

function denoBinary(): string {
  const platforms = readdirSync(join(MODULES, '@deno'))
  const found = platforms.map((platform) => join(MODULES, '@deno', platform, 'deno')).find(existsSync)
  if (!found) throw new Error('no deno in node_modules')
  return found
}
