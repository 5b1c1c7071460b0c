import type { Body, FakeOptions } from './server.ts'

/** What a fake LLM says to a request: the same request always gets the same words, so answers can be compared byte for byte. */
export interface Script {
  /** Eight hexadecimal digits that stand for the request's messages. */
  readonly digest: string
  /** One per output token, spaces included; beyond ASCII, so that careless cutting shows. */
  readonly pieces: readonly string[]
  readonly truncated: boolean
  /** Set instead of `pieces` when the request brings tools and ends with a user's turn. */
  readonly toolCall: { name: string; arguments: { digest: string } } | null
  readonly outputTokens: number
}

export function scriptOf(
  turns: unknown,
  bound: number | null,
  tool: string | null,
  options: FakeOptions,
): Script {
  const wanted = options.outputTokens ?? 8
  const length = Math.min(wanted, bound ?? wanted)
  const digest = fingerprint(JSON.stringify(turns ?? null))
  const words = ['Réponse', ` ${digest}`, ' ✓', ' 😀']
  while (words.length < length) words.push(` mot${words.length}`)
  return {
    digest,
    pieces: words.slice(0, length),
    truncated: length < wanted,
    toolCall: tool === null ? null : { name: tool, arguments: { digest } },
    outputTokens: length,
  }
}

/** What a picture costs, however large its bytes are. */
const IMAGE_TOKENS = 765

/** A quarter of the characters of all strings within, and a fixed price for each picture. */
export function countTokens(turns: unknown): number {
  return Math.max(1, Math.ceil(characters(turns) / 4))
}

function characters(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (Array.isArray(value)) return value.reduce((sum, item) => sum + characters(item), 0)
  if (value === null || typeof value !== 'object') return 0
  if ('image_url' in value) return 4 * IMAGE_TOKENS
  return Object.values(value as Body).reduce((sum: number, item) => sum + characters(item), 0)
}

function fingerprint(text: string): string {
  let state = 5381
  for (const character of text) state = (Math.imul(state, 33) ^ (character.codePointAt(0) ?? 0)) >>> 0
  return state.toString(16).padStart(8, '0')
}

/** A duration as Go writes it: `120ms`, `7.66s`, `2m59.56s`, `23h18m29.144s`. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = Number(((ms % 60_000) / 1000).toFixed(3))
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`
}
