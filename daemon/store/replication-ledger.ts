/** The replication ledger in one SQLite file: write-ahead log with synchronous=NORMAL, like the event log. */
import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { SentFile } from '../engine/engine-protocol.ts';
import type { SpanFigures } from '../report/figures.ts';
import type { LedgerHead, LedgerNote, LedgerStore } from '../report/ledger-store.ts';
import { isDiskFull } from './sqlite-fault.ts';

const SCHEMA = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS head (scenario TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS span (
    scenario TEXT, period INTEGER, at INTEGER, body TEXT NOT NULL, PRIMARY KEY (scenario, period, at)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS note (n INTEGER PRIMARY KEY, scenario TEXT, period INTEGER, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS note_period ON note (scenario, period);
  CREATE TABLE IF NOT EXISTS file (
    scenario TEXT, period INTEGER, replica TEXT, root INTEGER, path TEXT, kind TEXT, changes INTEGER, bytes INTEGER,
    PRIMARY KEY (scenario, period, replica, root, path)
  ) WITHOUT ROWID;
`;

interface Body {
  readonly body: string;
}

/** `onDamaged`: the file could not be read and was set aside: the period begins anew. */
export function openReplicationLedger(
  path: string,
  onDamaged: (setAside: string, reason: string) => void,
): LedgerStore {
  try {
    return new SqliteLedger(path);
  } catch (error) {
    if (path === ':memory:' || isDiskFull(error)) throw error;
    const setAside = `${path}.damaged`;
    renameSync(path, setAside);
    for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true });
    onDamaged(setAside, String(error));
    return new SqliteLedger(path);
  }
}

class SqliteLedger implements LedgerStore {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    try {
      this.#database.exec(SCHEMA);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  heads(): Map<string, LedgerHead> {
    const rows = this.#database.prepare('SELECT scenario, body FROM head').all() as unknown as ({
      scenario: string;
    } & Body)[];
    return new Map(rows.map(({ scenario, body }) => [scenario, JSON.parse(body) as LedgerHead]));
  }

  saveHead(scenario: string, head: LedgerHead): void {
    this.#database.prepare('INSERT OR REPLACE INTO head VALUES (?, ?)').run(scenario, JSON.stringify(head));
  }

  saveSpan(scenario: string, period: number, span: SpanFigures): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO span VALUES (?, ?, ?, ?)')
      .run(scenario, period, span.at, JSON.stringify(span));
  }

  spans(scenario: string, period: number): SpanFigures[] {
    return this.#bodies('SELECT body FROM span WHERE scenario = ? AND period = ? ORDER BY at', scenario, period);
  }

  replaceSpans(scenario: string, period: number, spans: readonly SpanFigures[]): void {
    this.#database.prepare('DELETE FROM span WHERE scenario = ? AND period = ?').run(scenario, period);
    for (const span of spans) this.saveSpan(scenario, period, span);
  }

  addNote(scenario: string, period: number, note: LedgerNote): number {
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO note (scenario, period, body) VALUES (?, ?, ?)')
      .run(scenario, period, JSON.stringify(note));
    return Number(lastInsertRowid);
  }

  changeNote(number: number, note: LedgerNote): void {
    this.#database.prepare('UPDATE note SET body = ? WHERE n = ?').run(JSON.stringify(note), number);
  }

  notes(scenario: string, period: number): LedgerNote[] {
    return this.#bodies('SELECT body FROM note WHERE scenario = ? AND period = ? ORDER BY n', scenario, period);
  }

  replaceNotes(scenario: string, period: number, notes: readonly LedgerNote[]): void {
    this.#database.prepare('DELETE FROM note WHERE scenario = ? AND period = ?').run(scenario, period);
    for (const note of notes) this.addNote(scenario, period, note);
  }

  #bodies<T>(query: string, scenario: string, period: number): T[] {
    const rows = this.#database.prepare(query).all(scenario, period) as unknown as Body[];
    return rows.map(({ body }) => JSON.parse(body) as T);
  }

  addFiles(scenario: string, period: number, replica: string, files: readonly SentFile[], limit: number): number {
    const update = this.#database.prepare(
      'UPDATE file SET kind = ?, changes = changes + ?, bytes = ? WHERE scenario = ? AND period = ? AND replica = ? AND root = ? AND path = ?',
    );
    const insert = this.#database.prepare('INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    let room = limit - this.#countFiles(scenario, period);
    let leftOut = 0;
    for (const { root, path, kind, changes, bytes } of files) {
      const key = pathKey(path);
      const known = update.run(kind, changes, bytes, scenario, period, replica, root, key).changes > 0;
      if (known) continue;
      if (room > 0) insert.run(scenario, period, replica, root, key, kind, changes, bytes);
      else leftOut += changes;
      room -= 1;
    }
    return leftOut;
  }

  #countFiles(scenario: string, period: number): number {
    const query = 'SELECT COUNT(*) AS count FROM file WHERE scenario = ? AND period = ?';
    return (this.#database.prepare(query).get(scenario, period) as { count: number }).count;
  }

  files(scenario: string, period: number): (SentFile & { readonly replica: string })[] {
    const query =
      'SELECT replica, root, path, kind, changes, bytes FROM file WHERE scenario = ? AND period = ? ORDER BY replica, root, path';
    const rows = this.#database.prepare(query).all(scenario, period) as unknown as (SentFile & { replica: string })[];
    return rows.map((row) => ({ ...row, path: JSON.parse(row.path) as string }));
  }

  dropPeriod(scenario: string, period: number): void {
    for (const table of ['span', 'note', 'file']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE scenario = ? AND period = ?`).run(scenario, period);
    }
  }

  dropScenario(scenario: string): void {
    for (const table of ['head', 'span', 'note', 'file']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE scenario = ?`).run(scenario);
    }
  }

  write(work: () => void): boolean {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
      return true;
    } catch (error) {
      // A failed commit may have ended it already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      if (isDiskFull(error)) return false;
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

/** SQLite would replace the lone surrogates that stand for bytes which are not UTF-8 (shared/path.ts). */
function pathKey(path: string): string {
  return JSON.stringify(path);
}
