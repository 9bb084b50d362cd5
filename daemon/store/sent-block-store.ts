/**
 * Block hashes of large files as Replicas have them, in a SQLite file of their own beside the Master's record: a cache, which
 * may be lost at any time, and is written and emptied whatever transaction of the record is open. Hashes are stored in parts,
 * so that one changed block costs one page. What of it may be believed is decided in spool/sent-blocks.ts.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { BlockHashes, HASH_BYTES } from '../link/block-hash.ts';
import type { FileId } from '../ports.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS content(
    id INTEGER PRIMARY KEY, peer TEXT NOT NULL, root INTEGER NOT NULL, inode INTEGER NOT NULL, birth INTEGER NOT NULL,
    seq INTEGER NOT NULL, mtime INTEGER NOT NULL, size INTEGER NOT NULL, block INTEGER NOT NULL,
    UNIQUE(peer, root, inode, birth));
  CREATE TABLE IF NOT EXISTS part(
    content INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY(content, number)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;
/** Hashes in one part: 4 KiB. */
const PART_BYTES = 256 * HASH_BYTES;

/** A file of the Master, as it tells one object from all others. */
export interface StoredFile {
  readonly root: number;
  readonly id: FileId;
}

export interface StoredContent extends StoredFile {
  readonly row: number;
  readonly seq: number;
  readonly mtimeNs: bigint;
  readonly sizeBytes: number;
  readonly blockBytes: number;
}

export class SentBlockStore {
  private readonly file: string;
  private opened: DatabaseSync | undefined;

  /** ':memory:' keeps it in memory. */
  constructor(file: string) {
    this.file = file;
  }

  /** Opened when it is used first: an assessment needs none. One that cannot be used is made anew. */
  private get database(): DatabaseSync {
    if (this.opened !== undefined) return this.opened;
    try {
      this.opened = open(this.file);
    } catch {
      for (const ending of ['', '-wal', '-shm']) rmSync(this.file + ending, { force: true });
      this.opened = open(this.file);
    }
    return this.opened;
  }

  close(): void {
    this.opened?.close();
    this.opened = undefined;
  }

  /** Of another history nothing is of use. */
  bind(generation: string): void {
    const known = this.database.prepare("SELECT value FROM meta WHERE key = 'generation'").get();
    if (known?.value === generation) return;
    this.transaction(() => {
      this.database.exec('DELETE FROM content; DELETE FROM part');
      this.database.prepare("INSERT OR REPLACE INTO meta VALUES('generation', ?)").run(generation);
    });
  }

  /** Durable when it returns, all or nothing. */
  transaction(work: () => void): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.database.exec('COMMIT');
    } catch (error) {
      // A full disk has rolled it back already.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  list(peer: string): StoredContent[] {
    const statement = this.database.prepare('SELECT * FROM content WHERE peer = ? ORDER BY id');
    statement.setReadBigInts(true);
    const rows = statement.all(peer) as Record<string, bigint>[];
    return rows.map((row) => ({
      row: Number(row.id),
      root: Number(row.root),
      id: { inode: BigInt.asUintN(64, row.inode!), birthNs: row.birth! },
      seq: Number(row.seq),
      mtimeNs: row.mtime!,
      sizeBytes: Number(row.size),
      blockBytes: Number(row.block),
    }));
  }

  /** undefined when it is not there whole. */
  read({
    row,
    sizeBytes,
    blockBytes,
  }: Pick<StoredContent, 'row' | 'sizeBytes' | 'blockBytes'>): BlockHashes | undefined {
    const blocks = new BlockHashes(sizeBytes, blockBytes);
    const parts = this.database
      .prepare('SELECT number, hashes FROM part WHERE content = ? ORDER BY number')
      .all(row) as {
      number: number;
      hashes: Uint8Array;
    }[];
    let end = 0;
    for (const { number, hashes } of parts) {
      if (number * PART_BYTES !== end || end + hashes.length > blocks.hashes.length) return undefined;
      blocks.hashes.set(hashes, end);
      end += hashes.length;
    }
    return end === blocks.hashes.length ? blocks : undefined;
  }

  /** Replaces what is stored of the file; returns its row. Part of the caller's transaction. */
  add(peer: string, { root, id }: StoredFile, seq: number, mtimeNs: bigint, blocks: BlockHashes): number {
    const inode = BigInt.asIntN(64, id.inode);
    const before = this.database
      .prepare('SELECT id FROM content WHERE peer = ? AND root = ? AND inode = ? AND birth = ?')
      .get(peer, root, inode, id.birthNs) as { id: number } | undefined;
    if (before !== undefined) this.remove(before.id);
    const { lastInsertRowid } = this.database
      .prepare('INSERT INTO content(peer, root, inode, birth, seq, mtime, size, block) VALUES(?,?,?,?,?,?,?,?)')
      .run(peer, root, inode, id.birthNs, seq, mtimeNs, blocks.sizeBytes, blocks.blockBytes);
    const row = Number(lastInsertRowid);
    this.writeParts(row, blocks, undefined);
    return row;
  }

  /** `blocks`: new hashes, where they are not those stored. Part of the caller's transaction. */
  update(
    row: number,
    seq: number,
    mtimeNs: bigint,
    blocks?: { readonly stored: BlockHashes | undefined; readonly now: BlockHashes },
  ): void {
    this.database.prepare('UPDATE content SET seq = ?, mtime = ? WHERE id = ?').run(seq, mtimeNs, row);
    if (blocks === undefined) return;
    const { stored, now } = blocks;
    this.database
      .prepare('UPDATE content SET size = ?, block = ? WHERE id = ?')
      .run(now.sizeBytes, now.blockBytes, row);
    const comparable = stored?.blockBytes === now.blockBytes && stored.hashes.length <= now.hashes.length;
    if (!comparable) this.database.prepare('DELETE FROM part WHERE content = ?').run(row);
    this.writeParts(row, now, comparable ? stored : undefined);
  }

  private writeParts(row: number, { hashes }: BlockHashes, stored: BlockHashes | undefined): void {
    const write = this.database.prepare('INSERT OR REPLACE INTO part VALUES(?,?,?)');
    for (let at = 0; at < hashes.length; at += PART_BYTES) {
      const part = hashes.subarray(at, at + PART_BYTES);
      const before = stored?.hashes.subarray(at, at + PART_BYTES);
      if (before === undefined || Buffer.compare(before, part) !== 0) write.run(row, at / PART_BYTES, part);
    }
  }

  remove(row: number): void {
    this.database.prepare('DELETE FROM content WHERE id = ?').run(row);
    this.database.prepare('DELETE FROM part WHERE content = ?').run(row);
  }

  /** Durable when it returns. */
  removePeer(peer: string): void {
    this.removeRows((one) => one === peer);
  }

  /** Everything of other Replicas. Durable when it returns. */
  keepPeers(peers: ReadonlySet<string>): void {
    this.removeRows((one) => !peers.has(one));
  }

  private removeRows(chosen: (peer: string) => boolean): void {
    const rows = this.database.prepare('SELECT id, peer FROM content').all() as { id: number; peer: string }[];
    const gone = rows.filter(({ peer }) => chosen(peer));
    if (gone.length === 0) return;
    this.transaction(() => {
      for (const { id } of gone) this.remove(id);
    });
  }
}

function open(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000');
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
