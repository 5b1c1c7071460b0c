import { grouped } from './terminal.ts'

/** How far a long piece of work is. */
export interface Progress {
  /** `done` of the total is done. Cheap enough for every thousandth step. */
  update(done: number): void
  /** Takes the bar off the screen; to be called before results are written, also after a failure. */
  end(): void
}

/** Where progress is shown. */
export interface Screen {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** Nothing is said of what is done within a second. */
const QUIET_MS = 1_000
const REDRAW_MS = 100
/** Elsewhere than in a terminal, each line comes after twice the time of the one before, but after a minute at most. */
const LINE_MS_MAX = 60_000
const BAR_WIDTH = 20
const CLEAR_LINE = '\r\u001b[K'

/**
 * Shows on standard error how far work is that lasts more than a second: a bar in a terminal, elsewhere a line now and
 * then, as in `read 1,000 of 5,000 events`.
 *
 * @param label what is done with it, such as `read`
 * @param unit what is counted, such as `events`, or how an amount is written
 */
export function createProgress(
  label: string,
  total: number,
  unit: string | ((amount: number) => string),
  { screen = process.stderr as Screen, now = () => performance.now() } = {},
): Progress {
  const began = now()
  let [nextAt, lineMs] = [began + QUIET_MS, QUIET_MS]
  let drawn = false
  const textOf = (done: number) =>
    typeof unit === 'string'
      ? `${label} ${grouped(done)} of ${grouped(total)} ${unit}`
      : `${label} ${unit(done)} of ${unit(total)}`

  return {
    update(done) {
      const at = now()
      if (at < nextAt) return
      if (screen.isTTY !== true) {
        lineMs = Math.min(2 * lineMs, LINE_MS_MAX)
        nextAt = at + lineMs
        screen.write(`${textOf(done)}\n`)
        return
      }
      drawn = true
      nextAt = at + REDRAW_MS
      const line = `${barOf(done / total)} ${textOf(done)}${leftText(done / total, at - began)}`
      screen.write(`${CLEAR_LINE}${line.slice(0, (screen.columns ?? 80) - 1)}`)
    },
    end() {
      if (drawn) screen.write(CLEAR_LINE)
      drawn = false
    },
  }
}

function barOf(share: number): string {
  const full = Math.max(0, Math.min(BAR_WIDTH, Math.floor(share * BAR_WIDTH)))
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`
}

/** How long it takes yet at the speed so far. */
function leftText(share: number, elapsedMs: number): string {
  if (!(share > 0 && share <= 1)) return ''
  const seconds = Math.ceil((elapsedMs * (1 - share)) / share / 1000)
  return seconds < 60 ? `, ${seconds} s left` : `, ${Math.ceil(seconds / 60)} min left`
}
