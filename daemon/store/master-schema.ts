/** Tables of a Master's state and their rows. */
import { decodeName, encodeName, type RelativePath } from '../../shared/path.ts';

export type IndexedType = 'file' | 'directory' | 'symlink';
export const TYPES: readonly IndexedType[] = ['file', 'directory', 'symlink'];

/** What is recorded of an entry; `ctimeNs` 0 = not settled: its content may have changed in the same clock tick it was read. */
export interface IndexedStat {
  readonly type: IndexedType;
  readonly inode: bigint;
  readonly birthNs: bigint;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
}

/** A modification time no file has: content that was not sent must not be taken for sent. */
export const NEVER_NS = -1n;

export interface IndexedEntry extends IndexedStat {
  readonly id: number;
  readonly parent: number;
  readonly name: string;
}

/** What tells one object from all others of a volume. */
export type FileIdentity = Pick<IndexedStat, 'inode' | 'birthNs'>;

export const INTENT_KINDS = ['put', 'make-directory', 'symlink', 'link', 'rename', 'remove', 'metadata'] as const;
export type IntentKind = (typeof INTENT_KINDS)[number];

/** One row of the spool. Paths are those at this point of the sequence. */
export interface Intent {
  readonly seq: number;
  readonly kind: IntentKind;
  readonly root: number;
  /** Entry whose present content or metadata is sent; 0 for `remove`. */
  readonly entry: number;
  readonly path: RelativePath;
  /** `rename`: from; `link`: existing name; `put`: key of the file (capture/entry.ts); else ''. */
  readonly other: RelativePath;
  /** Wall clock, ms: when it was captured. */
  readonly atMs: number;
  /** Estimate of what it sends. */
  readonly sizeBytes: number;
  /** The Replica may stop after it: no temporary name is in use. */
  readonly boundary: boolean;
}

export type NewIntent = Omit<Intent, 'seq' | 'atMs'>;

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entry(
    id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name NOT NULL, type INTEGER NOT NULL,
    inode INTEGER NOT NULL, birth INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL, links INTEGER NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS entry_name ON entry(parent, name);
  CREATE INDEX IF NOT EXISTS entry_inode ON entry(inode);
  CREATE TABLE IF NOT EXISTS op(
    seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, root INTEGER NOT NULL, entry INTEGER NOT NULL,
    path NOT NULL, other NOT NULL, at REAL NOT NULL, size INTEGER NOT NULL, boundary INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS op_entry ON op(entry, kind);
  CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS digest(id INTEGER PRIMARY KEY, hash BLOB NOT NULL);
`;

export const COLUMNS = 'id, parent, name, type, inode, birth, size, mtime, ctime, mode, uid, gid, links';
export const COLUMN_COUNT = 13;
export const ROW_MARKS = `(${Array(COLUMN_COUNT).fill('?').join(',')})`;
/** A name whose object has others, on record or by its count. */
export const LINKED_FILE = `SELECT inode, birth FROM entry WHERE id = ? AND type <> 1 AND (links > 1 OR EXISTS(
  SELECT 1 FROM entry AS other WHERE other.inode = entry.inode AND other.birth = entry.birth AND other.id <> entry.id))`;

export type Row = (bigint | string | Uint8Array)[];

export function toKey(name: string): string | Uint8Array {
  return name.isWellFormed() ? name : encodeName(name);
}

function fromKey(key: bigint | string | Uint8Array): string {
  return typeof key === 'string' ? key : decodeName(key as Uint8Array);
}

export function toEntry(row: Row): IndexedEntry {
  return {
    id: Number(row[0]),
    parent: Number(row[1]),
    name: fromKey(row[2]!),
    type: TYPES[Number(row[3])]!,
    inode: row[4] as bigint,
    birthNs: row[5] as bigint,
    sizeBytes: Number(row[6]),
    mtimeNs: row[7] as bigint,
    ctimeNs: row[8] as bigint,
    mode: Number(row[9]),
    uid: Number(row[10]),
    gid: Number(row[11]),
    links: Number(row[12]),
  };
}

export function toIntent(row: unknown): Intent {
  const columns = row as (number | string | Uint8Array)[];
  return {
    seq: columns[0] as number,
    kind: INTENT_KINDS[columns[1] as number]!,
    root: columns[2] as number,
    entry: columns[3] as number,
    path: fromKey(columns[4] as string),
    other: fromKey(columns[5] as string),
    atMs: columns[6] as number,
    sizeBytes: columns[7] as number,
    boundary: columns[8] === 1,
  };
}
