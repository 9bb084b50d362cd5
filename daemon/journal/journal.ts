/**
 * The journal of a Replica's roots: nothing is replaced or removed before it was kept and its undo record is durable (D5).
 *
 * One segment of the log lasts from one checkpoint to the next. The policy here is the minimal one: what a segment kept is
 * dropped after the checkpoint that covers it, and after a crash the changes since the checkpoint are rolled back, so that
 * apply starts again from exactly the state of the checkpoint. Rewind points will keep segments longer; the records carry
 * what they need (seq, Master's time, transaction, old metadata).
 */
import { Fault } from '../../shared/faults.ts';
import { ByteReader, ByteWriter } from '../../shared/protocol/bytes.ts';
import type { RootTree, SegmentLog, StagedFile } from '../ports.ts';
import { encodeRecord, scanSegment } from '../spool/segment-records.ts';
import { readJournalEntry, type UndoIntent, type UndoRecord, writeUndoneMark, writeUndoRecord } from './record.ts';
import { takeBack, touchesWhatWasThere } from './undo.ts';

/** How writers see the journal. */
export interface JournalPort {
  /** Adds the undo record of a change about to be made; durable only after `flush`. */
  intend(intent: UndoIntent): UndoRecord;
  /** Makes the records of the group durable; objects may be touched afterwards. Ends the transaction. */
  flush(): void;
  /** Keeps what the record's path holds: by a further link (it stays in place) or by moving it away. */
  keep(record: UndoRecord, how: 'link' | 'move'): void;
  /** Keeps the ranges of a file that is to be changed in place, as copied to `ranges`; durable when this returns. */
  keepRanges(record: UndoRecord, ranges: StagedFile): void;
  /** Takes a change back that could not be completed. */
  takeBack(record: UndoRecord): void;
}

export interface RollBack {
  /** Could not be taken back (a planted link in the way): those places have to be sent again. */
  readonly failed: readonly UndoRecord[];
  /**
   * What this change found is nowhere any more: the file system kept later changes and lost earlier ones, or somebody else
   * worked in the root. Applying the spool again would be guessing; the trees have to be compared.
   */
  readonly lost?: UndoRecord;
}

const KEPT_NAME = /^s(\d+)-/;

/** Highest segment of which something is kept, also by an earlier scenario on these roots; 0 when nothing is. */
export function newestKeptSegment(trees: readonly RootTree[]): number {
  const names = trees.flatMap((tree) => tree.listKept());
  return names.reduce((newest, name) => Math.max(newest, Number(KEPT_NAME.exec(name)?.[1] ?? 0)), 0);
}

/** What roll-back moves out of the way; dropped when it is done. */
const ASIDE = 'aside-';

export class Journal implements JournalPort {
  private readonly log: SegmentLog;
  private readonly trees: readonly RootTree[];
  private readonly writer = new ByteWriter(16 * 1024);
  private segment: number;
  private nextRecord = 1;
  private transaction = 1;
  private asideCount = 0;
  /** Records appended or pending in the current segment. */
  private used = false;
  /** Bytes in the current segment. */
  private segmentBytes = 0;
  /** Roots where the segments since the last `forget` kept something. */
  private readonly keptRoots = new Set<number>();

  /** `segment`: the first segment not covered by a checkpoint. */
  constructor(log: SegmentLog, trees: readonly RootTree[], segment: number) {
    this.log = log;
    this.trees = trees;
    this.segment = segment;
  }

  intend(intent: UndoIntent): UndoRecord {
    const n = this.nextRecord;
    this.nextRecord += 1;
    const base = { ...intent, n, transaction: this.transaction };
    const keeps = intent.before !== undefined && intent.op !== 'metadata';
    const record: UndoRecord = keeps ? { ...base, kept: `s${this.segment}-${n}` } : base;
    writeUndoRecord(this.writer, record);
    return record;
  }

  /** Throws `FS-FULL` and then holds nothing of the group: its objects must not be touched. */
  flush(): void {
    this.transaction += 1;
    if (this.writer.length === 0) return;
    const bytes = encodeRecord(this.writer.take());
    const before = this.segmentBytes;
    this.used = true;
    try {
      this.log.append(this.segment, bytes);
    } catch (error) {
      if (this.log.list().includes(this.segment)) this.log.truncate(this.segment, before);
      throw error;
    }
    this.segmentBytes += bytes.length;
    this.log.flush(this.segment);
  }

  keep(record: UndoRecord, how: 'link' | 'move'): void {
    const kept = record.kept;
    if (kept === undefined) throw new Fault('INTERNAL', { reason: `nothing to keep at "${record.path}"` });
    const tree = this.tree(record.root);
    this.keptRoots.add(record.root);
    if (how === 'link') tree.keepLink(record.path, kept);
    else tree.keep(record.path, kept);
  }

  keepRanges(record: UndoRecord, ranges: StagedFile): void {
    if (record.kept === undefined) throw new Fault('INTERNAL', { reason: `nothing to keep of "${record.path}"` });
    this.keptRoots.add(record.root);
    ranges.keepAs(record.kept);
  }

  takeBack(record: UndoRecord): void {
    const tree = this.tree(record.root);
    takeBack(tree, record, keptNames(tree, record), () => this.nextAside());
  }

  /** Ends the current segment; returns the one to be named in the checkpoint that is saved next. */
  seal(): number {
    if (this.used) this.segment += 1;
    this.used = false;
    this.segmentBytes = 0;
    return this.segment;
  }

  /** After the checkpoint that names the current segment is durable: drops what earlier segments kept. */
  forget(): void {
    for (const segment of this.log.list()) {
      if (segment < this.segment) this.log.remove(segment);
    }
    for (const root of this.keptRoots) this.dropBefore(this.tree(root));
    this.keptRoots.clear();
  }

  /** After a start: what a crash left of segments that a checkpoint covers, and of an earlier roll-back. */
  clean(): void {
    for (const segment of this.log.list()) {
      if (segment < this.segment) this.log.remove(segment);
    }
    for (const tree of this.trees) {
      tree.dropKept(`${ASIDE}*`);
      this.dropBefore(tree);
    }
  }

  /** Undo records since the checkpoint that were not taken back yet, newest first. Cuts a torn tail. */
  pending(): UndoRecord[] {
    const records: UndoRecord[] = [];
    const undone = new Set<number>();
    for (const segment of this.log.list()) {
      if (segment < this.segment) continue;
      const bytes = this.log.read(segment);
      const { records: found, validBytes } = scanSegment(bytes);
      if (validBytes < bytes.length) this.log.truncate(segment, validBytes);
      for (const { payload } of found) readEntries(payload, records, undone);
    }
    this.nextRecord = Math.max(this.nextRecord, (records.at(-1)?.n ?? 0) + 1);
    return records.filter((record) => !undone.has(record.n)).reverse();
  }

  /**
   * Takes back what `pending` returned. A kill in the middle is harmless (each step leaves a mark); after a power cut in
   * the middle the marks cannot be trusted and the caller has to compare the trees instead.
   */
  rollBack(records: readonly UndoRecord[]): RollBack {
    const last = this.log.list().at(-1);
    if (last === undefined || last < this.segment) return { failed: [] };
    const failed: UndoRecord[] = [];
    let lost: UndoRecord | undefined;
    const old = touchesWhatWasThere(records.toReversed());
    const kept = this.trees.map((tree) => new Set(tree.listKept()));
    for (const record of records) {
      const outcome = this.takesBack(record, kept[record.root]!);
      if (outcome === 'failed') failed.push(record);
      if (outcome === 'lost' && old.has(record)) lost ??= record;
      writeUndoneMark(this.writer, record.n);
      this.log.append(last, encodeRecord(this.writer.take()));
    }
    this.segment = last + 1;
    this.segmentBytes = 0;
    return lost === undefined ? { failed } : { failed, lost };
  }

  private takesBack(record: UndoRecord, kept: ReadonlySet<string>): 'done' | 'failed' | 'lost' {
    try {
      return takeBack(this.tree(record.root), record, kept, () => this.nextAside()) ? 'done' : 'lost';
    } catch (error) {
      if (Fault.from(error).kind === 'fatal') throw error;
      return 'failed';
    }
  }

  /** Forgets everything without taking it back (a synchronization will compare the trees). Returns the next segment. */
  abandon(): number {
    const last = this.log.list().at(-1);
    if (last !== undefined && last >= this.segment) this.segment = last + 1;
    this.used = false;
    this.segmentBytes = 0;
    this.writer.rewindTo(0);
    for (let root = 0; root < this.trees.length; root += 1) this.keptRoots.add(root);
    return this.segment;
  }

  private dropBefore(tree: RootTree): void {
    const segments = new Set<number>();
    for (const name of tree.listKept()) {
      const segment = Number(KEPT_NAME.exec(name)?.[1] ?? Number.NaN);
      if (segment < this.segment) segments.add(segment);
    }
    for (const segment of segments) tree.dropKept(`s${segment}-*`);
  }

  private nextAside(): string {
    this.asideCount += 1;
    return `${ASIDE}${this.asideCount}`;
  }

  private tree(root: number): RootTree {
    const tree = this.trees[root];
    if (tree === undefined) throw new Fault('INTERNAL', { reason: `root ${root}` });
    return tree;
  }
}

function readEntries(payload: Uint8Array, records: UndoRecord[], undone: Set<number>): void {
  const reader = new ByteReader(payload);
  while (!reader.done) {
    const entry = readJournalEntry(reader);
    if (entry.kind === 'undone') undone.add(entry.n);
    else records.push(entry.record);
  }
}

function keptNames(tree: RootTree, record: UndoRecord): ReadonlySet<string> {
  return record.kept === undefined ? new Set() : new Set(tree.listKept().filter((name) => name === record.kept));
}
