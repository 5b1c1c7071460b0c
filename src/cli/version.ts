import packageJson from '../../package.json' with { type: 'json' }

export const VERSION: string = packageJson.version

/** The runtime and its version: `bun 1.4.5`, `deno 2.9.6` or `node 24.21.0`. */
export function runtimeName(): string {
  const { bun, deno, node } = process.versions as Record<string, string | undefined>
  if (bun !== undefined) return `bun ${bun}`
  return deno === undefined ? `node ${node}` : `deno ${deno}`
}
