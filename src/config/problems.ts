import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml'

/** Something wrong at a place of the configuration. */
export interface Finding {
  readonly path: readonly (string | number)[]
  readonly message: string
  /** Whether the key or, as usual, the value of the last part of the path is meant. */
  readonly at?: 'key'
  /** The whole value is of the wrong kind, so findings within it say nothing more. */
  readonly covers?: true
}

/** Something wrong with a configuration file; `line` and `column` count from 1. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** `llms[0].rate_limit`; empty when the whole file is meant. */
  readonly path: string
  readonly message: string
}

/** A line for each problem: `config.yaml:12:5 llms[0].rate_limt: unknown key; did you mean "rate_limit"?`. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(
      ({ file, line, column, path, message }) => `${file}:${line}:${column} ${path && `${path}: `}${message}`,
    )
    .join('\n')
}

/** A problem at an offset of the text; offsets before the first line count as the first. */
export function problemAt(
  file: string,
  lines: LineCounter,
  offset: number,
  path: string,
  message: string,
): Problem {
  const { line, col } = lines.linePos(offset)
  return { file, line: Math.max(1, line), column: Math.max(1, col), path, message }
}

/** Gives a finding its place in the file: that of the nearest part of its path that is written there. */
export function locate(finding: Finding, document: Document, file: string, lines: LineCounter): Problem {
  const offset = offsetOf(document, finding)
  return problemAt(file, lines, offset, pathText(finding.path), finding.message)
}

/** `models["gpt-4o*"].llms[0]`: a path as it would be written in code. */
export function pathText(path: readonly (string | number)[]): string {
  const parts = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    return /^\w{1,60}$/.test(part) ? `.${part}` : `[${JSON.stringify(part.slice(0, 60))}]`
  })
  return parts.join('').replace(/^\./, '')
}

function offsetOf(document: Document, { path, at }: Finding): number {
  let node = resolved(document.contents, document)
  let offset = startOf(node, 0)
  for (const [index, part] of path.entries()) {
    if (isSeq(node)) {
      node = resolved(node.items[Number(part)], document)
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(part))
      if (!pair) return offset
      offset = startOf(pair.key, offset)
      if (at === 'key' && index === path.length - 1) return offset
      node = resolved(pair.value, document)
    } else return offset
    offset = startOf(node, offset)
  }
  return offset
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

/** An empty value has a place of its own in the text, but its key is the better one to show. */
function startOf(node: unknown, otherwise: number): number {
  if (isScalar(node) && node.value === null) return otherwise
  return (node as Node | null | undefined)?.range?.[0] ?? otherwise
}
