/**
 * What is kept aside for the objects of one root (daemon/aside), in one SQLite file. Nothing is made before the first value:
 * most volumes hold everything. What was set since the last `flush` is lost with the process; the engine does it again.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Fault } from '../../shared/faults.ts';
import { type AsideStore, asideBytes } from '../aside/kept-aside.ts';
import { ASIDE_KINDS } from '../aside/record.ts';
import type { FileId } from '../ports.ts';
import { storeFault } from './sqlite-fault.ts';

const SCHEMA = `CREATE TABLE IF NOT EXISTS aside(inode INTEGER, birth INTEGER, kinds INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(inode, birth)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;`;

const NOTHING = new Uint8Array(0);

/** In the scenario's directory; another root of the host has its own. */
export function asideFile(directory: string, root: string): string {
  return join(directory, `aside-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.sqlite`);
}

interface Statements {
  readonly get: StatementSync;
  readonly set: StatementSync;
  readonly remove: StatementSync;
  readonly setMeta: StatementSync;
}

export class SqliteAsideStore implements AsideStore {
  private readonly path: string;
  private database: DatabaseSync | undefined;
  private statements: Statements | undefined;
  private changing = false;
  count = 0;
  bytes = 0;
  counts: number[] = ASIDE_KINDS.map(() => 0);
  told = 0;

  constructor(path: string) {
    this.path = path;
    if (existsSync(path)) this.open();
  }

  private open(): Statements {
    if (this.statements !== undefined) return this.statements;
    const database = new DatabaseSync(this.path);
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000');
    database.exec(SCHEMA);
    this.database = database;
    const tally = 'SELECT kinds, count(*) AS count, sum(length(bytes)) AS bytes FROM aside GROUP BY kinds';
    for (const row of database.prepare(tally).all() as { kinds: number; count: number; bytes: number }[]) {
      this.tally(row.kinds, row.count);
      this.bytes += row.bytes + row.count * asideBytes(NOTHING);
    }
    const told = database.prepare("SELECT value FROM meta WHERE name = 'told'").get() as { value: number } | undefined;
    this.told = told?.value ?? 0;
    this.statements = {
      get: database.prepare('SELECT kinds, bytes FROM aside WHERE inode = ? AND birth = ?'),
      set: database.prepare('INSERT OR REPLACE INTO aside(inode, birth, kinds, bytes) VALUES(?, ?, ?, ?)'),
      remove: database.prepare('DELETE FROM aside WHERE inode = ? AND birth = ?'),
      setMeta: database.prepare('INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)'),
    };
    return this.statements;
  }

  private tally(kinds: number, by: number): void {
    this.count += by;
    for (const index of this.counts.keys()) if ((kinds >> index) & 1) this.counts[index]! += by;
  }

  private row(id: FileId): { kinds: number; bytes: Uint8Array } | undefined {
    if (this.count === 0) return undefined;
    return this.run(() => this.open().get.get(...keyOf(id))) as { kinds: number; bytes: Uint8Array } | undefined;
  }

  get(id: FileId): Uint8Array | undefined {
    return this.row(id)?.bytes;
  }

  set(id: FileId, kinds: number, bytes: Uint8Array): void {
    const before = this.row(id);
    this.change(() => this.open().set.run(...keyOf(id), kinds, bytes));
    if (before !== undefined) this.tally(before.kinds, -1);
    this.tally(kinds, 1);
    this.bytes += asideBytes(bytes) - (before === undefined ? 0 : asideBytes(before.bytes));
  }

  remove(id: FileId): void {
    const before = this.row(id);
    if (before === undefined) return;
    this.change(() => this.open().remove.run(...keyOf(id)));
    this.tally(before.kinds, -1);
    this.bytes -= asideBytes(before.bytes);
  }

  setTold(kinds: number): void {
    this.change(() => this.open().setMeta.run('told', kinds));
    this.told = kinds;
  }

  private change(run: () => void): void {
    this.run(() => {
      this.open();
      if (!this.changing) this.database!.exec('BEGIN');
      this.changing = true;
      run();
    });
  }

  private run<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFault(error, { directory: dirname(this.path) });
    }
  }

  flush(): void {
    if (!this.changing) return;
    this.run(() => this.database!.exec('COMMIT'));
    this.changing = false;
  }

  close(): void {
    this.database?.close();
    this.database = undefined;
    this.statements = undefined;
    this.changing = false;
  }
}

/** The same of a root whose values another engine of this host keeps: only looked at, and always as they are durable now. */
export class SharedAsideStore implements AsideStore {
  private readonly path: string;
  private readonly database: DatabaseSync;
  private readonly one: StatementSync;
  private readonly version: StatementSync;
  private readonly any: StatementSync;
  private seenVersion: unknown;
  private rows = 0;
  readonly counts: number[] = [];
  readonly bytes = 0;
  readonly told = 0;

  /** Makes the file when nothing was ever kept: only then is its first value noticed. */
  constructor(path: string) {
    this.path = path;
    this.database = new DatabaseSync(path);
    this.database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000');
    this.database.exec(SCHEMA);
    this.one = this.database.prepare('SELECT bytes FROM aside WHERE inode = ? AND birth = ?');
    this.version = this.database.prepare('PRAGMA data_version');
    this.any = this.database.prepare('SELECT count(*) AS count FROM (SELECT 1 FROM aside LIMIT 1)');
  }

  /** 0 or 1: whether there are any. */
  get count(): number {
    return this.run(() => {
      const { data_version: version } = this.version.get() as { data_version: number };
      if (version !== this.seenVersion) this.rows = (this.any.get() as { count: number }).count;
      this.seenVersion = version;
      return this.rows;
    });
  }

  get(id: FileId): Uint8Array | undefined {
    const row = this.run(() => this.one.get(...keyOf(id))) as { bytes: Uint8Array } | undefined;
    return row?.bytes;
  }

  set(): void {
    this.refuse();
  }

  remove(): void {
    this.refuse();
  }

  setTold(): void {
    this.refuse();
  }

  flush(): void {}

  close(): void {
    this.database.close();
  }

  private refuse(): never {
    throw new Fault('INTERNAL', { reason: `${this.path} is only looked at` });
  }

  private run<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFault(error, { directory: dirname(this.path) });
    }
  }
}

/** SQLite integers are signed; what is on a volume mounted below the root has its device in the upper bits. */
function keyOf({ inode, birthNs }: FileId): [bigint, bigint] {
  return [BigInt.asIntN(64, inode ^ (inode >> 64n)), birthNs];
}
