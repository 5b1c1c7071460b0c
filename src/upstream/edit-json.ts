const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const BRACKET_OPEN = 91
const BRACKET_CLOSE = 93
const BRACE_OPEN = 123
const BRACE_CLOSE = 125

/**
 * Sets members of a JSON object within its text: all else stays as it was written, such as integers beyond 2^53, which
 * parsing would change. Members that are not there are added at the end. Null for a text that has one of them twice,
 * because its readers may disagree on which of them counts.
 *
 * `text` has to be the valid JSON of an object. O(length), most of it in searches for the ends of strings.
 */
export function withMembers(text: string, values: Readonly<Record<string, unknown>>): string | null {
  const names = Object.keys(values)
  const members = membersOf(text, names)
  let edited = ''
  let copied = 0
  for (const [i, { key, start, end }] of members.entries()) {
    for (let before = 0; before < i; before++) if (members[before]!.key === key) return null
    edited += text.slice(copied, start) + JSON.stringify(values[key])
    copied = end
  }
  if (members.length === names.length) return edited + text.slice(copied)
  const missing = names.filter((name) => !members.some(({ key }) => key === name))
  const added = missing.map((name) => `${JSON.stringify(name)}:${JSON.stringify(values[name])}`)
  const close = text.lastIndexOf('}')
  const comma = EMPTY.test(text) ? '' : ','
  return edited + text.slice(copied, close) + comma + added.join(',') + text.slice(close)
}

const EMPTY = /^\s*\{\s*\}\s*$/

/** A member of the outermost object: its key, and where its value stands, the space around it included. */
interface Member {
  readonly key: string
  readonly start: number
  readonly end: number
}

/** The members of these names, as often as they are there. */
function membersOf(text: string, names: readonly string[]): Member[] {
  const members: Member[] = []
  let key: string | null = null
  let start = 0
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      const end = closingQuote(text, i)
      if (depth === 1 && key === null) key = unquoted(text.slice(i, end + 1))
      i = end
    } else if (code === COLON) {
      if (depth === 1) start = i + 1
    } else if (code === BRACE_OPEN || code === BRACKET_OPEN) depth++
    else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) depth--
    const ends = (code === COMMA && depth === 1) || (code === BRACE_CLOSE && depth === 0)
    if (!ends || key === null) continue
    if (names.includes(key)) members.push({ key, start, end: i })
    key = null
  }
  return members
}

function unquoted(text: string): string {
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)
}

/** The quote that ends a string is the first one with an even number of backslashes before it. */
function closingQuote(text: string, opening: number): number {
  let end = text.indexOf('"', opening + 1)
  for (;;) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
}
