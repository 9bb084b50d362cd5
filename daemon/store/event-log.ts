/**
 * The durable event stream of this host in one SQLite file. Write-ahead log with synchronous=NORMAL: an entry survives
 * kill -9 of the daemon once `record` has returned; a power failure may take the last ones (a flush for each entry would
 * block the main thread). The oldest entries go when there are more than `limit`.
 */
import { renameSync, rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  EVENTS,
  type EventCode,
  type EventDefinition,
  type EventRecord,
  SEVERITIES,
  type Severity,
} from '../../shared/events.ts';
import { Fault, type FaultDetails, fillTemplate } from '../../shared/faults.ts';
import type { Clock } from '../ports.ts';
import type { EventLog, EventQuery } from '../services.ts';
import { isDiskFull } from './sqlite-fault.ts';

/** Entries kept by default; about 40 MB. */
export const EVENT_LIMIT = 100_000;
/** The surplus is removed in lots: one delete for this many entries. */
const TRIM_EVERY = 500;
/** A text is shown in one line; details from the other host are cut here. */
const MAX_DETAIL_CHARS = 2_000;

/** Entries kept in memory while the disk is full; the oldest go first. */
const WAITING_LIMIT = 1_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    code TEXT NOT NULL,
    scenario TEXT,
    text TEXT NOT NULL,
    data TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS event_scenario ON event (scenario, n);
`;

export interface EventLogOptions {
  /** File name of the database; `:memory:` in tests. */
  readonly path: string;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Name of this host, put on every entry. */
  readonly host: string;
  readonly limit?: number;
}

export interface OpenEventLog extends EventLog {
  close(): void;
}

interface Row {
  n: number;
  at: number;
  severity: number;
  code: string;
  scenario: string | null;
  text: string;
  data: string;
}

export function openEventLog(options: EventLogOptions): OpenEventLog {
  const { database, setAside } = openDatabase(options.path);
  const log = new SqliteEventLog(database, options);
  if (setAside !== undefined) log.record('HST-004', { path: setAside });
  return log;
}

/** A damaged file is set aside: an unreadable log must not keep the daemon from protecting data. */
function openDatabase(path: string): { database: DatabaseSync; setAside?: string } {
  try {
    return { database: prepare(path) };
  } catch (error) {
    // A full disk is no damage: the entries are all there.
    if (path === ':memory:' || isDiskFull(error)) throw error;
    const setAside = `${path}.damaged`;
    renameSync(path, setAside);
    for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true });
    return { database: prepare(path), setAside };
  }
}

function prepare(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

class SqliteEventLog implements OpenEventLog {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #options: EventLogOptions;
  readonly #listeners = new Set<(event: EventRecord) => void>();
  #untilTrim = TRIM_EVERY;
  /** Number of the newest entry. */
  #newest = 0;
  /** Entries the disk has no room for now, oldest first; shown like the others. */
  readonly #waiting: Row[] = [];

  constructor(database: DatabaseSync, options: EventLogOptions) {
    this.#database = database;
    this.#options = options;
    this.#insert = database.prepare(
      'INSERT INTO event (n, at, severity, code, scenario, text, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#trim = database.prepare('DELETE FROM event WHERE n <= (SELECT MAX(n) FROM event) - ?');
    this.#trim.run(options.limit ?? EVENT_LIMIT);
    // Also of entries that were removed: a number is never used twice.
    const used = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'event'").get() as
      | { readonly seq: number }
      | undefined;
    this.#newest = used?.seq ?? 0;
  }

  record(code: string, details: FaultDetails = {}, scenario?: string): EventRecord {
    if (!Object.hasOwn(EVENTS, code)) throw new Fault('INTERNAL', { reason: `event ${code} is not in the catalogue` });
    const data = shorten(details);
    const { severity, text } = EVENTS[code as EventCode];
    this.#writeWaiting();
    const row: Row = {
      n: this.#newest + 1,
      at: this.#options.clock.wallMs(),
      severity: SEVERITIES.indexOf(severity),
      code,
      scenario: scenario ?? null,
      text: fillTemplate(text, data),
      data: JSON.stringify(data),
    };
    this.#newest = row.n;
    if (this.#waiting.length > 0 || !this.#write(row)) this.#waiting.push(row);
    if (this.#waiting.length > WAITING_LIMIT) this.#waiting.shift();
    const event = this.#toRecord(row);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  /** False when there is no room on the disk. */
  #write(row: Row): boolean {
    try {
      this.#insert.run(row.n, row.at, row.severity, row.code, row.scenario, row.text, row.data);
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw error;
    }
    this.#untilTrim -= 1;
    if (this.#untilTrim > 0) return true;
    this.#untilTrim = TRIM_EVERY;
    this.#trim.run(this.#options.limit ?? EVENT_LIMIT);
    return true;
  }

  #writeWaiting(): void {
    while (this.#waiting.length > 0 && this.#write(this.#waiting[0]!)) this.#waiting.shift();
  }

  /**
   * Oldest first. With `after`: the first `limit` entries behind it (to page on); else the newest `limit`.
   * `severity` is the least one wanted; `scenario` a name.
   */
  query(query: EventQuery): EventRecord[] {
    this.#writeWaiting();
    const stored = this.#stored(query);
    const waiting = this.#waiting.filter((row) => wanted(row, query)).map((row) => this.#toRecord(row));
    const all = [...stored, ...waiting];
    return query.after === undefined ? all.slice(-query.limit) : all.slice(0, query.limit);
  }

  #stored(query: EventQuery): EventRecord[] {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const where = (condition: string, value: string | number | undefined) => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    where('scenario = ?', query.scenario);
    where('at >= ?', query.since);
    where('n > ?', query.after);
    where('severity >= ?', query.severity === undefined ? undefined : SEVERITIES.indexOf(query.severity));
    const condition = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const forward = query.after !== undefined;
    const rows = this.#database
      .prepare(`SELECT * FROM event ${condition} ORDER BY n ${forward ? 'ASC' : 'DESC'} LIMIT ?`)
      .all(...values, query.limit) as unknown as Row[];
    if (!forward) rows.reverse();
    return rows.map((row) => this.#toRecord(row));
  }

  subscribe(onEvent: (event: EventRecord) => void): () => void {
    this.#listeners.add(onEvent);
    return () => this.#listeners.delete(onEvent);
  }

  close(): void {
    this.#listeners.clear();
    this.#database.close();
  }

  #toRecord(row: Row): EventRecord {
    const hint = Object.hasOwn(EVENTS, row.code) ? hintOf(row.code as EventCode) : undefined;
    return {
      n: row.n,
      at: row.at,
      severity: SEVERITIES[row.severity] as Severity,
      code: row.code,
      host: this.#options.host,
      text: row.text,
      data: JSON.parse(row.data) as EventRecord['data'],
      ...(row.scenario === null ? {} : { scenario: row.scenario }),
      ...(hint === undefined ? {} : { hint }),
    };
  }
}

function wanted(row: Row, { scenario, since, after, severity }: EventQuery): boolean {
  if (scenario !== undefined && row.scenario !== scenario) return false;
  if (since !== undefined && row.at < since) return false;
  if (after !== undefined && row.n <= after) return false;
  return severity === undefined || row.severity >= SEVERITIES.indexOf(severity);
}

function hintOf(code: EventCode): string | undefined {
  const definition: EventDefinition = EVENTS[code];
  return definition.hint;
}

function shorten(details: FaultDetails): FaultDetails {
  const short: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(details)) {
    short[key] = typeof value === 'string' ? value.slice(0, MAX_DETAIL_CHARS) : value;
  }
  return short;
}
