import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'

/** Where commands run in a test: a folder of its own, and what they write. */
export interface Terminal {
  folder: string
  out: string
  err: string
}

/** Gives each test of a file such a terminal; nothing of it reaches the real one. */
export function openTerminal(): Terminal {
  const terminal: Terminal = { folder: '', out: '', err: '' }
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), 'llb-cli-'))
    Object.assign(terminal, { folder, out: '', err: '' })
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      terminal.out += text
      return true
    })
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      terminal.err += text
      return true
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    rmSync(terminal.folder, { recursive: true, force: true })
  })
  return terminal
}
