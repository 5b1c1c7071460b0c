import type Database from 'better-sqlite3'
import type { Checkpoint } from '../core/checkpoint.ts'
import type { CheckpointText, LogReader, StoredCheckpoint } from './store.ts'

/**
 * The state after an event, so that no fold of a log has to begin further back, and the configuration that it is of: a
 * log whose first events were deleted still tells it.
 */
export const CHECKPOINT_SCHEMA = `
CREATE TABLE configuration (
  hash   TEXT PRIMARY KEY,
  config TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoint (
  seq         INTEGER PRIMARY KEY,
  at          INTEGER NOT NULL,
  config_hash TEXT    NOT NULL,
  state       TEXT    NOT NULL
) STRICT;
`

interface Row {
  readonly seq: number
  readonly at: number
  readonly config_hash: string
  readonly state: string
  readonly config: string
}

type CheckpointReader = Pick<LogReader, 'firstCheckpoint' | 'lastCheckpoint'>

/** A log of a version that had none. */
export const NO_CHECKPOINTS: CheckpointReader = { firstCheckpoint: () => null, lastCheckpoint: () => null }

/** How checkpoints are found in a database that may have some. */
export function readCheckpoints(db: Database.Database): CheckpointReader {
  const select = (which: string) =>
    db.prepare(
      `SELECT checkpoint.*, config FROM checkpoint JOIN configuration ON hash = config_hash WHERE ${which} ORDER BY seq DESC LIMIT 1`,
    )
  const last = select('seq <= ?')
  const lastOf = select('seq <= ? AND config_hash = ?')
  const first = db.prepare('SELECT min(seq) FROM checkpoint').pluck()
  return {
    firstCheckpoint: () => first.get() as number | null,
    lastCheckpoint(seq, configHash) {
      const row = (configHash === undefined ? last.get(seq) : lastOf.get(seq, configHash)) as Row | undefined
      return row === undefined ? null : checkpointIn(row)
    },
  }
}

function checkpointIn({ seq, at, config_hash: configHash, state, config }: Row): StoredCheckpoint {
  return { seq, at, configHash, config: JSON.parse(config), state: JSON.parse(state) as Checkpoint }
}

/** How a checkpoint is stored, in one transaction. Throws where the disk or the file does not allow it. */
export function writeCheckpoints(db: Database.Database): (checkpoint: CheckpointText) => void {
  const hasConfig = db.prepare('SELECT 1 FROM configuration WHERE hash = ?')
  const putConfig = db.prepare('INSERT INTO configuration (hash, config) VALUES (?, ?)')
  const put = db.prepare(
    'INSERT OR REPLACE INTO checkpoint (seq, at, config_hash, state) VALUES (?, ?, ?, ?)',
  )
  return db.transaction(({ seq, at, configHash, config, state }: CheckpointText) => {
    if (hasConfig.get(configHash) === undefined) putConfig.run(configHash, JSON.stringify(config))
    put.run(seq, at, configHash, state)
  })
}

/**
 * Deletes commits up to the last checkpoint before an instant (ms since 1970), at most so many, with the checkpoints
 * from which no fold can go on then. Gives how many commits it deleted.
 */
export function pruneToCheckpoint(db: Database.Database): (before: number, most: number) => number {
  const last = db.prepare('SELECT max(seq) FROM checkpoint WHERE at < ?').pluck()
  // The commit that holds the event after the checkpoint stays, so that the sequence goes on from the last one.
  const end = 'SELECT max(seq) FROM segment WHERE seq <= ? + 1'
  const oldest = `SELECT seq FROM segment WHERE seq < (${end}) ORDER BY seq LIMIT ?`
  const segments = db.prepare(`DELETE FROM segment WHERE seq IN (${oldest})`)
  const stale = db.prepare('DELETE FROM checkpoint WHERE seq + 1 < (SELECT min(seq) FROM segment)')
  const unused = db.prepare(
    'DELETE FROM configuration WHERE hash NOT IN (SELECT config_hash FROM checkpoint)',
  )
  return db.transaction((before: number, most: number) => {
    const seq = last.get(before) as number | null
    if (seq === null) return 0
    const { changes } = segments.run(seq, most)
    if (changes > 0 && stale.run().changes > 0) unused.run()
    return changes
  })
}
