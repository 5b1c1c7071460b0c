/** Whether a stream may be written to in colours: a terminal that can, unless NO_COLOR is set. */
export function isColoured(
  stream: { readonly isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

/** Text in a colour or another rendition, such as `2` for faint (ECMA-48, SGR); as it is where there are no colours. */
export function rendered(text: string, rendition: string, coloured: boolean): string {
  return coloured ? `\u001b[${rendition}m${text}\u001b[0m` : text
}

/** A whole number with its thousands set apart by commas, the same in every locale. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** So many of something: `1 request`, `2,000 requests`. */
export function counted(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}

/** Words of others, such as a provider's, must not move the cursor or start a line of their own. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}
