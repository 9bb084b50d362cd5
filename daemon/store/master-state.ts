/**
 * The durable state of a Master engine: one SQLite file.
 *
 * - `entry`: what every Replica will have once all changes captured so far are applied there. Children hang on their
 *   parent's id, so moving a directory is one row. The row of root number r has id r + 1.
 * - `op`: the spool, one intent a row; contents are read from the file system when an intent is sent.
 * - `meta`: generation, positions, peers. `digest`: fingerprint of a directory's children, absent when it is outdated.
 *
 * Everything between `begin` and `commit` is one transaction; after kill -9 exactly the committed state is there.
 * ':memory:' keeps it in memory. Names that are not well-formed Unicode are stored as their bytes (shared/path.ts).
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { RelativePath } from '../../shared/path.ts';
import { ATTRIBUTE_SCHEMA, AttributeRecord } from './attribute-record.ts';
import {
  COLUMN_COUNT,
  COLUMNS,
  type FileIdentity,
  INTENT_KINDS,
  type IndexedEntry,
  type IndexedStat,
  type Intent,
  type IntentKind,
  LINKED_FILE,
  type NewIntent,
  ROW_MARKS,
  type Row,
  SCHEMA,
  TYPES,
  toEntry,
  toIntent,
  toKey,
} from './master-schema.ts';
import { SentBlockStore } from './sent-block-store.ts';
import { WaitingRows } from './waiting-rows.ts';

/** Rows of one INSERT: above this the gain is below the noise (measured: 64 rows, 2.2 times faster than one by one). */
const INSERT_ROWS = 64;
const FIRST_ENTRY_ID = 1000;
const PATH_CACHE_LIMIT = 50_000;

export class MasterState {
  private readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly directoryIds: Map<RelativePath, number>[] = [];
  private readonly directoryPaths = new Map<number, { root: number; path: RelativePath }>();
  private readonly withoutDigest = new Set<number>();
  /** Rows not yet written, and how the queries that matter find them meanwhile. */
  private readonly waiting = new WaitingRows();
  readonly attributes: AttributeRecord;
  readonly sentBlocks: SentBlockStore;
  private open = false;
  private nextId: number;
  private newestSeq: number;
  /** Counts what `removeTree` has removed, but for entries from `firstYoungId` on. */
  removedEntries = 0;
  firstYoungId: () => number = () => Number.POSITIVE_INFINITY;

  constructor(file: string) {
    this.sentBlocks = new SentBlockStore(file === ':memory:' ? file : `${file}-blocks`);
    this.database = new DatabaseSync(file);
    this.database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000');
    this.database.exec('PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000');
    this.database.exec(SCHEMA + ATTRIBUTE_SCHEMA);
    this.attributes = new AttributeRecord(this.database);
    const newest = this.database.prepare('SELECT max(id) AS id FROM entry').get() as { id: number | null };
    this.nextId = Math.max(FIRST_ENTRY_ID, (newest.id ?? 0) + 1);
    const spooled = this.database.prepare('SELECT max(seq) AS seq FROM op').get() as { seq: number | null };
    this.newestSeq = Math.max(Number(this.meta('seq') ?? 0), spooled.seq ?? 0);
  }

  close(): void {
    if (this.open) this.rollback();
    this.flushInserts();
    this.sentBlocks.close();
    this.database.close();
  }

  /** Pages read stay in memory up to the cache's size (32 MiB) although a quiet engine needs hardly any. */
  releaseMemory(): void {
    this.database.exec('PRAGMA shrink_memory');
  }

  // ------------------------------------------------------------- transactions and meta

  begin(): void {
    this.flushInserts();
    this.database.exec('BEGIN IMMEDIATE');
    this.open = true;
  }

  /** Durable when it returns. */
  commit(): void {
    this.flushInserts();
    this.attributes.flush();
    this.database.exec('COMMIT');
    this.open = false;
  }

  rollback(): void {
    this.waiting.take();
    this.forgetPaths();
    this.withoutDigest.clear();
    // A full disk has rolled it back already.
    if (this.database.isTransaction) this.database.exec('ROLLBACK');
    this.open = false;
    const spooled = this.database.prepare('SELECT max(seq) AS seq FROM op').get() as { seq: number | null };
    this.newestSeq = Math.max(Number(this.meta('seq') ?? 0), spooled.seq ?? 0);
  }

  get inTransaction(): boolean {
    return this.open;
  }

  /** Runs `work` in one transaction, all or nothing; inside an open one it is part of that. */
  transaction<T>(work: () => T): T {
    if (this.open) return work();
    this.begin();
    try {
      const result = work();
      this.commit();
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  meta(key: string): string | undefined {
    const row = this.statement('SELECT value FROM meta WHERE key = ?').get(key) as unknown as [string] | undefined;
    return row?.[0];
  }

  setMeta(key: string, value: string): void {
    this.statement(
      'INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value',
    ).run(key, value);
  }

  metaKeys(prefix: string): string[] {
    const rows = this.statement('SELECT key FROM meta WHERE key >= ? AND key < ? ORDER BY key').all(
      prefix,
      `${prefix}\uffff`,
    );
    return rows.map((row) => (row as unknown as [string])[0]);
  }

  deleteMeta(key: string): void {
    this.statement('DELETE FROM meta WHERE key = ?').run(key);
  }

  // ------------------------------------------------------------- entries: looking

  byId(id: number): IndexedEntry | undefined {
    this.flushInserts();
    return this.one(`SELECT ${COLUMNS} FROM entry WHERE id = ?`, id);
  }

  child(parent: number, name: string): IndexedEntry | undefined {
    return (
      this.waiting.child(parent, name) ??
      this.one(`SELECT ${COLUMNS} FROM entry WHERE parent = ? AND name = ?`, parent, toKey(name))
    );
  }

  children(parent: number): IndexedEntry[] {
    this.flushInserts();
    return this.many(`SELECT ${COLUMNS} FROM entry WHERE parent = ?`, parent);
  }

  hasChildren(parent: number): boolean {
    this.flushInserts();
    return this.statement('SELECT 1 FROM entry WHERE parent = ? LIMIT 1').get(parent) !== undefined;
  }

  /** Every name of an object: rows with this inode and birth time. */
  byFileId(inode: bigint, birthNs: bigint): IndexedEntry[] {
    if (this.waiting.hasInode(inode)) this.flushInserts();
    return this.many(`SELECT ${COLUMNS} FROM entry WHERE inode = ? AND birth = ?`, inode, birthNs);
  }

  lookup(root: number, path: RelativePath): IndexedEntry | undefined {
    if (path === '') return this.byId(root + 1);
    const slash = path.lastIndexOf('/');
    const parent = this.directoryId(root, slash < 0 ? '' : path.slice(0, slash));
    return parent === undefined ? undefined : this.child(parent, path.slice(slash + 1));
  }

  private directoryId(root: number, path: RelativePath): number | undefined {
    if (path === '') return root + 1;
    this.directoryIds[root] ??= new Map();
    const cache = this.directoryIds[root];
    const known = cache.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf('/');
    const parent = this.directoryId(root, slash < 0 ? '' : path.slice(0, slash));
    const row = parent === undefined ? undefined : this.child(parent, path.slice(slash + 1));
    if (row?.type !== 'directory') return undefined;
    if (cache.size >= PATH_CACHE_LIMIT) cache.clear();
    cache.set(path, row.id);
    return row.id;
  }

  /** Present place of an entry in the index; undefined when it is not there any more. */
  placeOf(entry: IndexedEntry): { root: number; path: RelativePath } | undefined {
    if (entry.parent === 0) return { root: entry.id - 1, path: '' };
    const parent = this.directoryPlace(entry.parent);
    return parent && { root: parent.root, path: parent.path === '' ? entry.name : `${parent.path}/${entry.name}` };
  }

  private directoryPlace(id: number): { root: number; path: RelativePath } | undefined {
    const known = this.directoryPaths.get(id);
    if (known !== undefined) return known;
    const row = this.byId(id);
    const place = row && this.placeOf(row);
    if (place === undefined) return undefined;
    if (this.directoryPaths.size >= PATH_CACHE_LIMIT) this.directoryPaths.clear();
    this.directoryPaths.set(id, place);
    return place;
  }

  private forgetPaths(): void {
    for (const cache of this.directoryIds) cache?.clear();
    this.directoryPaths.clear();
  }

  /** Ids of directories after an id, in their order. */
  directoriesAfter(id: number, limit: number): number[] {
    this.flushInserts();
    const rows = this.statement('SELECT id FROM entry WHERE id > ? AND type = ? ORDER BY id LIMIT ?').all(
      id,
      TYPES.indexOf('directory'),
      limit,
    ) as unknown as [number][];
    return rows.map(([one]) => one);
  }

  countEntries(): number {
    this.flushInserts();
    return (this.statement('SELECT count(*) FROM entry').get() as unknown as [number])[0];
  }

  countFiles(): number {
    this.flushInserts();
    return (this.statement('SELECT count(*) FROM entry WHERE type = 0').get() as unknown as [number])[0];
  }

  // ------------------------------------------------------------- entries: changing

  setRoot(root: number, stat: IndexedStat): void {
    this.flushInserts();
    if (this.byId(root + 1) === undefined) this.enqueue(root + 1, 0, String(root), stat);
    else this.update(root + 1, stat);
  }

  /** Id the next `insert` will give. */
  get nextEntryId(): number {
    return this.nextId;
  }

  /** Adds an entry and returns its id. Rows are written in groups; every other method sees them. */
  insert(parent: number, name: string, stat: IndexedStat): number {
    const id = this.nextId;
    this.nextId += 1;
    this.enqueue(id, parent, name, stat);
    this.outdateDigest(parent);
    return id;
  }

  private enqueue(id: number, parent: number, name: string, stat: IndexedStat): void {
    this.waiting.add(id, parent, name, stat);
    if (this.waiting.count >= INSERT_ROWS) this.flushInserts();
  }

  private flushInserts(): void {
    if (this.waiting.count === 0) return;
    const rows = this.waiting.take();
    if (rows.length === INSERT_ROWS * COLUMN_COUNT) {
      const marks = Array(INSERT_ROWS).fill(ROW_MARKS).join(',');
      this.statement(`INSERT INTO entry(${COLUMNS}) VALUES ${marks}`).run(...rows);
      return;
    }
    const single = this.statement(`INSERT INTO entry(${COLUMNS}) VALUES ${ROW_MARKS}`);
    for (let at = 0; at < rows.length; at += COLUMN_COUNT) single.run(...rows.slice(at, at + COLUMN_COUNT));
  }

  update(id: number, stat: IndexedStat): void {
    this.flushInserts();
    this.statement(
      'UPDATE entry SET type=?, inode=?, birth=?, size=?, mtime=?, ctime=?, mode=?, uid=?, gid=?, links=? WHERE id=?',
    ).run(
      TYPES.indexOf(stat.type),
      stat.inode,
      stat.birthNs,
      stat.sizeBytes,
      stat.mtimeNs,
      stat.ctimeNs,
      stat.mode,
      stat.uid,
      stat.gid,
      stat.links,
      id,
    );
  }

  /** `update` of an entry whose parent is known, so that its digest is outdated too. */
  updateEntry(entry: IndexedEntry, stat: IndexedStat): void {
    this.outdateDigest(entry.parent);
    this.update(entry.id, stat);
  }

  /** Fills in the change time of an entry whose content is known to be that of its row. */
  settle(id: number, mtimeNs: bigint, ctimeNs: bigint): void {
    this.flushInserts();
    this.statement('UPDATE entry SET ctime = ? WHERE id = ? AND mtime = ? AND ctime = 0').run(ctimeNs, id, mtimeNs);
  }

  /** Moves one entry; a directory takes everything below it along. */
  move(entry: IndexedEntry, parent: number, name: string): void {
    this.flushInserts();
    this.outdateDigest(entry.parent);
    this.outdateDigest(parent);
    if (entry.type === 'directory') this.forgetPaths();
    this.statement('UPDATE entry SET parent = ?, name = ? WHERE id = ?').run(parent, toKey(name), entry.id);
  }

  /** Removes an entry and everything below it. Returns the files among them that may have other names. */
  removeTree(entry: IndexedEntry): FileIdentity[] {
    this.flushInserts();
    this.outdateDigest(entry.parent);
    if (entry.type !== 'directory') {
      this.statement('DELETE FROM entry WHERE id = ?').run(entry.id);
      if (entry.id < this.firstYoungId()) this.removedEntries += 1;
      return [entry];
    }
    this.forgetPaths();
    const below = this.statement(
      `WITH RECURSIVE below(id) AS (SELECT ? UNION ALL SELECT entry.id FROM entry JOIN below ON entry.parent = below.id)
       SELECT id FROM below`,
    ).all(entry.id) as unknown as [number][];
    const young = this.firstYoungId();
    const linked: FileIdentity[] = [];
    const linkedRow = this.statement(LINKED_FILE);
    linkedRow.setReadBigInts(true);
    const remove = this.statement('DELETE FROM entry WHERE id = ?');
    const removeDigest = this.statement('DELETE FROM digest WHERE id = ?');
    for (const [id] of below) {
      if (id < young) this.removedEntries += 1;
      const row = linkedRow.get(id) as unknown as [bigint, bigint] | undefined;
      if (row !== undefined) linked.push({ inode: row[0], birthNs: row[1] });
      remove.run(id);
      removeDigest.run(id);
      this.withoutDigest.delete(id);
    }
    return linked;
  }

  /** Forgets all entries and the spool (a new index is about to be built). */
  clearIndex(): void {
    this.waiting.take();
    this.forgetPaths();
    this.withoutDigest.clear();
    this.database.exec('DELETE FROM entry; DELETE FROM digest');
  }

  // ------------------------------------------------------------- digests of directories

  digest(id: number): Uint8Array | undefined {
    const row = this.statement('SELECT hash FROM digest WHERE id = ?').get(id) as unknown as [Uint8Array] | undefined;
    return row?.[0];
  }

  setDigest(id: number, hash: Uint8Array): void {
    this.withoutDigest.delete(id);
    this.statement('INSERT INTO digest(id, hash) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET hash = excluded.hash').run(
      id,
      hash,
    );
  }

  private outdateDigest(id: number): void {
    if (this.withoutDigest.has(id)) return;
    this.statement('DELETE FROM digest WHERE id = ?').run(id);
    if (this.withoutDigest.size >= PATH_CACHE_LIMIT) this.withoutDigest.clear();
    this.withoutDigest.add(id);
  }

  // ------------------------------------------------------------- the spool

  get seq(): number {
    return this.newestSeq;
  }

  append(intent: NewIntent, atMs: number): Intent {
    const seq = this.newestSeq + 1;
    this.newestSeq = seq;
    this.statement('INSERT INTO op VALUES(?,?,?,?,?,?,?,?,?)').run(
      seq,
      INTENT_KINDS.indexOf(intent.kind),
      intent.root,
      intent.entry,
      toKey(intent.path),
      toKey(intent.other),
      atMs,
      intent.sizeBytes,
      intent.boundary ? 1 : 0,
    );
    return { ...intent, seq, atMs };
  }

  intentsAfter(seq: number, limit: number): Intent[] {
    return this.statement('SELECT * FROM op WHERE seq > ? ORDER BY seq LIMIT ?').all(seq, limit).map(toIntent);
  }

  /** Newest spooled intent of this kind for an entry, 0 when there is none. */
  newestIntent(entry: number, kind: IntentKind): number {
    const row = this.statement('SELECT max(seq) FROM op WHERE entry = ? AND kind = ?').get(
      entry,
      INTENT_KINDS.indexOf(kind),
    ) as unknown as [number | null];
    return row[0] ?? 0;
  }

  /** The name an entry had before its first rename behind a position. */
  nameBefore(entry: number, seq: number): RelativePath | undefined {
    const sql = 'SELECT * FROM op WHERE entry = ? AND kind = ? AND seq > ? ORDER BY seq LIMIT 1';
    const row = this.statement(sql).get(entry, INTENT_KINDS.indexOf('rename'), seq);
    return row === undefined ? undefined : toIntent(row).other;
  }

  /** Oldest position a Replica can go on from without a synchronization: everything after it is in the spool. */
  get trimmedSeq(): number {
    return Number(this.meta('trimmed') ?? 0);
  }

  /** Drops intents every Replica has. Part of the caller's transaction when there is one. */
  trim(throughSeq: number): void {
    if (throughSeq <= this.trimmedSeq) return;
    this.statement('DELETE FROM op WHERE seq <= ?').run(throughSeq);
    this.setMeta('seq', String(this.newestSeq));
    this.setMeta('trimmed', String(throughSeq));
  }

  /** Empties the spool and goes on with numbers after `seq`: no earlier position leads on from here. */
  skipTo(seq: number): void {
    this.newestSeq = Math.max(this.newestSeq, seq);
    this.database.exec('DELETE FROM op');
    this.setMeta('seq', String(this.newestSeq));
    this.setMeta('trimmed', String(this.newestSeq));
  }

  /** Every `put` in the spool: position, root and key of the file. */
  spooledPuts(): Iterable<readonly [number, number, string]> {
    const rows = this.statement('SELECT seq, root, other FROM op WHERE kind = ? ORDER BY seq');
    return rows.iterate(INTENT_KINDS.indexOf('put')) as Iterable<unknown> as Iterable<[number, number, string]>;
  }

  countIntents(afterSeq: number): { readonly count: number; readonly sizeBytes: number } {
    const row = this.statement('SELECT count(*), ifnull(sum(size), 0) FROM op WHERE seq > ?').get(
      afterSeq,
    ) as unknown as [number, number];
    return { count: row[0], sizeBytes: row[1] };
  }

  // ------------------------------------------------------------- statements

  private statement(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.database.prepare(sql);
    statement.setReturnArrays(true);
    if (sql.startsWith(`SELECT ${COLUMNS}`)) statement.setReadBigInts(true);
    this.statements.set(sql, statement);
    return statement;
  }

  private one(sql: string, ...values: SQLInputValue[]): IndexedEntry | undefined {
    const row = this.statement(sql).get(...values) as unknown as Row | undefined;
    return row && toEntry(row);
  }

  private many(sql: string, ...values: SQLInputValue[]): IndexedEntry[] {
    return (this.statement(sql).all(...values) as unknown as Row[]).map(toEntry);
  }
}
