import { createHash } from 'node:crypto'
import type { Config } from './config.ts'

/**
 * A configuration as it may stand in the log: the same shape, as plain JSON. Keys are not in it, only the
 * names of their variables; what an address might carry besides scheme, host and path is taken off.
 */
export function redact(config: Config): unknown {
  const llms = config.llms.map((llm) => ({ ...llm, baseUrl: plainAddress(llm.baseUrl) }))
  return JSON.parse(JSON.stringify({ ...config, llms }))
}

/** SHA-256, in hex, of the canonical JSON of the redacted configuration, so it can be checked in the log. */
export function configHash(config: Config): string {
  return createHash('sha256')
    .update(canonicalJson(redact(config)))
    .digest('hex')
}

/** JSON with the keys of every object in order, so that equal values have equal texts. */
function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
}

function plainAddress(address: string): string {
  const url = URL.parse(address)
  return url === null ? address.replace(/[?#].*$/, '') : `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}
