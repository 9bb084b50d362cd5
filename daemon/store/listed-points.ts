/**
 * The rewind points of a Replica in a SQLite file of their own beside its journal, so that a page of millions is found at
 * once. It only lists: what a point means is read from the journal's log, always. It is made from the log when it is missing
 * or damaged, and goes on from there; the newest two segments, of which records may still be taken back, are read again.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { REWIND_POINT_KINDS, type RewindPoint, type RewindPointList } from '../../shared/rewind.ts';
import { logBackwards } from '../journal/log-backwards.ts';
import { pointsBackwards, type StreamedPoint } from '../journal/point-stream.ts';
import { literalStart, type PointFilter, pathTest, positionOf } from '../journal/points.ts';
import { journalEntries } from '../journal/record.ts';
import type { SegmentLog } from '../ports.ts';
import { isStoreError } from './sqlite-fault.ts';

/** `place`: segment and order in it; `n`: record of an event, else 0; `base`: the record its state lies behind. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS point(
    place INTEGER PRIMARY KEY, kind INTEGER NOT NULL, n INTEGER NOT NULL, base INTEGER NOT NULL, at REAL NOT NULL,
    root INTEGER NOT NULL, path, text TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS rare ON point(kind, place) WHERE kind > 0;
  CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;
const VERSION = 1;
const IN_MEMORY = ':memory:';
/** Most points of one segment. */
const PLACES = 2 ** 24;
const BATCH = 2_000;
const ENTRIES_A_STEP = 64;

/** What the index holds of segments that will not change any more. */
interface Settled {
  readonly version: number;
  readonly segment: number;
  /** Of the segment's bytes. */
  readonly crc: number;
}

export class PointIndex {
  private readonly file: string;
  private opened: DatabaseSync | undefined;
  /** Of the log when it was read last. */
  private stamp = '';
  private totals = new Map<string, number>();
  /** While the disk does not take it. */
  private inMemory: PointIndex | undefined;

  /** ':memory:' keeps it in memory. */
  constructor(file: string) {
    this.file = file;
  }

  private get database(): DatabaseSync {
    if (this.opened === undefined) {
      try {
        this.opened = open(this.file);
      } catch {
        this.remove();
        this.opened = open(this.file);
      }
    }
    return this.opened;
  }

  private remove(): void {
    try {
      this.opened?.close();
    } catch {
      // It is damaged.
    }
    this.opened = undefined;
    for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(this.file + ending, { force: true });
  }

  close(): void {
    this.opened?.close();
    this.opened = undefined;
  }

  /** A page; brings the index up to the log before, unless an older page is asked for. Yields between pieces of work. */
  *list(log: SegmentLog, filter: PointFilter): Generator<undefined, RewindPointList> {
    try {
      const list = yield* this.listMended(log, filter);
      this.inMemory = undefined;
      return list;
    } catch (error) {
      if (!isStoreError(error) || this.file === IN_MEMORY) throw error;
      // A disk that is full or fails is no reason not to show what can be given back.
      this.stamp = '';
      this.inMemory ??= new PointIndex(IN_MEMORY);
      return yield* this.inMemory.list(log, filter);
    }
  }

  private *listMended(log: SegmentLog, filter: PointFilter): Generator<undefined, RewindPointList> {
    try {
      return yield* this.listOnce(log, filter);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // Made anew from the log; a second failure is the disk's.
      this.remove();
      this.stamp = '';
      return yield* this.listOnce(log, filter);
    }
  }

  private *listOnce(log: SegmentLog, filter: PointFilter): Generator<undefined, RewindPointList> {
    if (filter.before === undefined || this.stamp === '') yield* this.update(log);
    const { where, values } = conditionsOf(filter);
    const { database } = this;
    if (filter.path !== undefined) {
      const test = pathTest(filter.path);
      database.function('in_path', { deterministic: true }, (path) => (test(pathOf(path) ?? '') ? 1 : 0));
    }
    if (filter.text !== undefined) {
      const wanted = filter.text.toLowerCase();
      const has = (text: unknown, path: unknown) => `${text} ${pathOf(path) ?? ''}`.toLowerCase().includes(wanted);
      database.function('has_text', { deterministic: true }, (text, path) => (has(text, path) ? 1 : 0));
    }
    const place = filter.before === undefined ? Number.MAX_SAFE_INTEGER : this.placeOf(filter.before);
    const rows = database
      .prepare(`SELECT * FROM point WHERE ${where} AND place < ? ORDER BY place DESC LIMIT ?`)
      .all(...values, place, filter.limit) as unknown as Row[];
    return { points: rows.map(pointOf), total: this.totalOf(where, values) };
  }

  private totalOf(where: string, values: readonly SQLInputValue[]): number {
    const key = JSON.stringify([where, values]);
    let total = this.totals.get(key);
    if (total === undefined) {
      const row = this.database.prepare(`SELECT count(*) AS total FROM point WHERE ${where}`).get(...values);
      total = Number(row?.total ?? 0);
      this.totals.set(key, total);
    }
    return total;
  }

  private placeOf(id: string): number {
    const event = /^e([0-9a-z]+)-/.exec(id);
    if (event !== null) return this.placeOfEvent(Number.parseInt(event[1]!, 36));
    const kind = REWIND_POINT_KINDS.findIndex((name) => id.startsWith(`${name}-`));
    const row = this.database
      .prepare('SELECT place FROM point WHERE kind > 0 AND kind = ? AND base = ? ORDER BY place DESC LIMIT 1')
      .get(kind, positionOf({ id }));
    return Number(row?.place ?? 0);
  }

  /** Events ascend with their places: halving finds one without an index of its own. */
  private placeOfEvent(n: number): number {
    const next = this.database.prepare(
      'SELECT place, n FROM point WHERE kind = 0 AND place >= ? ORDER BY place LIMIT 1',
    );
    const newest = this.database.prepare('SELECT max(place) AS place FROM point').get();
    let low = 0;
    for (let high = Number(newest?.place ?? 0); low < high; ) {
      const middle = Math.floor((low + high) / 2);
      const row = next.get(middle);
      if (row === undefined || Number(row.n) >= n) high = middle;
      else low = Number(row.place) + 1;
    }
    const row = next.get(low);
    return row !== undefined && Number(row.n) === n ? Number(row.place) : 0;
  }

  // ---------------------------------------------------------------- from the log

  private *update(log: SegmentLog): Generator<undefined, void> {
    const segments = log.list();
    const newest = segments.at(-1);
    const stamp = `${segments[0]} ${newest} ${newest === undefined ? 0 : log.read(newest).length}`;
    if (stamp === this.stamp) return;
    const settled = this.settled(log, segments);
    const { database } = this;
    this.stamp = '';
    this.totals.clear();
    database.exec('DELETE FROM meta');
    if (settled === 0) database.exec('DELETE FROM point');
    else
      database
        .prepare('DELETE FROM point WHERE place >= ? OR place < ?')
        .run((settled + 1) * PLACES, segments[0]! * PLACES);
    const reached = yield* this.insert(log, settled);
    // What is older than a gap cannot be reached.
    if (!reached) database.prepare('DELETE FROM point WHERE place < ?').run((settled + 1) * PLACES);
    this.beginAt(log, segments);
    const final = segments.at(-3);
    if (final !== undefined) this.settle({ version: VERSION, segment: final, crc: crc32(log.read(final)) });
    this.stamp = stamp;
  }

  /** Newest segment that is in the index for good; 0: it has to be made anew. */
  private settled(log: SegmentLog, segments: readonly number[]): number {
    const row = this.database.prepare("SELECT value FROM meta WHERE key = 'settled'").get();
    if (row === undefined) return 0;
    const { version, segment, crc } = JSON.parse(String(row.value)) as Settled;
    if (version !== VERSION || !segments.includes(segment)) return 0;
    return crc32(log.read(segment)) === crc ? segment : 0;
  }

  private settle(settled: Settled): void {
    this.database.prepare("INSERT OR REPLACE INTO meta VALUES('settled', ?)").run(JSON.stringify(settled));
  }

  /** Of all segments behind `settled`; false when the history does not reach back to that. */
  private *insert(log: SegmentLog, settled: number): Generator<undefined, boolean> {
    const { database } = this;
    const statement = database.prepare('INSERT INTO point VALUES(?, ?, ?, ?, ?, ?, ?, ?)');
    let batch: StreamedPoint[] = [];
    let segmentNow = 0;
    let left = PLACES;
    const write = () => {
      database.exec('BEGIN');
      try {
        for (const { point, segment } of batch) {
          if (segment !== segmentNow) left = PLACES;
          segmentNow = segment;
          left -= 1;
          statement.run(segment * PLACES + left, ...valuesOf(point));
        }
        database.exec('COMMIT');
      } catch (error) {
        // Some errors have ended it already.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
      batch = [];
    };
    let count = 0;
    for (const streamed of pointsBackwards(logBackwards(log))) {
      if (streamed.segment <= settled) {
        write();
        return true;
      }
      batch.push(streamed);
      if (batch.length >= BATCH) write();
      count += 1;
      if (count % ENTRIES_A_STEP === 0) yield undefined;
    }
    write();
    return settled === 0;
  }

  /** Where segments went, the oldest points begin at the first record that is left. */
  private beginAt(log: SegmentLog, segments: readonly number[]): void {
    const [first] = segments;
    if (first === undefined) return;
    let oldest: number | undefined;
    for (const entry of journalEntries(log.read(first))) {
      if (entry.kind === 'undo') oldest ??= entry.record.n - 1;
    }
    if (oldest !== undefined) this.database.prepare('UPDATE point SET base = ? WHERE base < ?').run(oldest, oldest);
  }
}

interface Row {
  readonly kind: number;
  readonly n: number;
  readonly base: number;
  readonly at: number;
  readonly root: number;
  readonly path: string | Uint8Array | null;
  readonly text: string;
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    // It can be made again from the log at any time.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  const { code, errcode = 0 } = error as { code?: string; errcode?: number };
  // SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR (another schema), SQLITE_CONSTRAINT.
  return code === 'ERR_SQLITE_ERROR' && [1, 11, 19, 26].includes(errcode & 255);
}

function valuesOf({ id, kind, at, root, path, text }: RewindPoint): SQLInputValue[] {
  const n = kind === 'event' ? Number.parseInt(id.slice(1, id.indexOf('-')), 36) : 0;
  const shown = path === undefined ? null : path.isWellFormed() ? path : Buffer.from(path, 'utf16le');
  return [REWIND_POINT_KINDS.indexOf(kind), n, positionOf({ id }), at, root ?? -1, shown, text];
}

/** A name that is no text is stored as its code units. */
function pathOf(path: unknown): string | undefined {
  if (path === null || path === undefined) return undefined;
  return typeof path === 'string' ? path : Buffer.from(path as Uint8Array).toString('utf16le');
}

function pointOf({ kind, n, base, at, root, path, text }: Row): RewindPoint {
  const name = REWIND_POINT_KINDS[kind]!;
  const id = name === 'event' ? `e${n.toString(36)}-${base.toString(36)}` : `${name}-${base.toString(36)}`;
  const shown = pathOf(path);
  return { id, at, kind: name, text, ...(shown === undefined ? {} : { path: shown, root }) };
}

function conditionsOf({ kinds, since, until, root, path, text }: PointFilter): {
  readonly where: string;
  readonly values: SQLInputValue[];
} {
  const where = ['1'];
  const values: SQLInputValue[] = [];
  const add = (condition: string, ...more: SQLInputValue[]) => {
    where.push(condition);
    values.push(...more);
  };
  if (kinds !== undefined) {
    const numbers = kinds.map((kind) => REWIND_POINT_KINDS.indexOf(kind));
    add(`kind IN (${numbers.join(',')})`);
    // For the index of what is rare.
    if (!numbers.includes(0)) add('kind > 0');
  }
  if (since !== undefined) add('at >= ?', since);
  if (until !== undefined) add('at <= ?', until);
  if (root !== undefined) add('root = ?', root);
  if (path !== undefined) addPath(add, path);
  // The text of the filter is part of the key under which a total is remembered.
  if (text !== undefined) add('has_text(text, path) AND ? IS NOT NULL', text);
  return { where: where.join(' AND '), values };
}

function addPath(add: (condition: string, ...values: SQLInputValue[]) => void, path: string): void {
  const start = literalStart(path);
  // A cheap test first; what is stored as bytes goes to the exact one.
  if (start.isWellFormed() && start !== '')
    add("(substr(path, 1, ?) = ? OR typeof(path) = 'blob')", [...start].length, start);
  add('path IS NOT NULL AND in_path(path) AND ? IS NOT NULL', path);
}
