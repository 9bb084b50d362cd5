/**
 * Undo records: what has to be known to take one change of a root back. Pure codec; the service is journal.ts.
 * A record is durable before its object is touched, so it may describe a change that never happened.
 */

import type { AttributeBytes } from '../../shared/attributes.ts';
import { Fault } from '../../shared/faults.ts';
import type { RelativePath } from '../../shared/path.ts';
import { ByteReader, type ByteWriter } from '../../shared/protocol/bytes.ts';
import { readAttributes, writeAttributes } from '../../shared/protocol/sync-codec.ts';
import type { EntryStat, EntryType, FileId } from '../ports.ts';
import { scanSegment } from '../spool/segment-records.ts';

const UNDO_OPS = [
  'make-directory',
  'put',
  'symlink',
  'link',
  'rename',
  'remove',
  'metadata',
  'patch',
  'restore',
] as const;
export type UndoOp = (typeof UNDO_OPS)[number];

/** What was at the path before the change. */
export interface ObjectBefore {
  readonly type: EntryType;
  readonly id: FileId;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Only where the change replaces attributes of an object that stays. */
  readonly attributes?: AttributeBytes;
}

/** Bytes of a file. */
export interface FileRange {
  readonly position: number;
  readonly length: number;
}

export interface UndoIntent {
  /** Position of the change in the history of the Master; 0 in a synchronization. */
  readonly seq: number;
  /** Master's wall clock in ms when the change was captured. */
  readonly masterMs: number;
  readonly op: UndoOp;
  readonly root: number;
  readonly path: RelativePath;
  /** Rename: the name before. */
  readonly from?: RelativePath;
  /** Absent: there was nothing. */
  readonly before?: ObjectBefore;
  /** Rename: the object that moves; link: the file that gets a further name. */
  readonly source?: FileId;
  /** Patch (a file changed in place): the ranges of the old content that are kept, ascending. */
  readonly ranges?: readonly FileRange[];
  /** Restore: name of the kept object that becomes the object at `path`. */
  readonly restored?: string;
  /**
   * Name under which `before` is kept; absent: one of this record's own. A rewind returns objects to where they were kept. The
   * same as `restored`: both objects change places.
   */
  readonly keptAs?: string;
  /** Rewind: number of the record this change takes back. The tree is then as it was before that record. */
  readonly undoes?: number;
}

export interface UndoRecord extends UndoIntent {
  /** Ascending over all segments. */
  readonly n: number;
  /** Changes that belong together (one group of apply) have the same number. */
  readonly transaction: number;
  /** Name of what is kept of `before`; absent when nothing has to be. */
  readonly kept?: string;
  /** Patch, or metadata of a file: the modification time (ns) it has afterwards, where the change says so. */
  readonly givenNs?: bigint;
  /** With kept history: modification time (ns) of the directory of `path` and, for a rename, of that of `from`. */
  readonly directoryTimes?: readonly (bigint | undefined)[];
}

const MARK_KINDS = ['unit', 'bookmark', 'synchronized', 'before-synchronization', 'rewind', 'gap'] as const;
/**
 * `unit`: between two units of the Master, when the next record was about to be written. `gap`: what was before cannot be
 * reached any more; `text` says why.
 */
export type MarkKind = (typeof MARK_KINDS)[number];

/** A moment between two records at which the roots were a state of the Master (a gap: nothing of the sort). */
export interface HistoryMark {
  readonly kind: MarkKind;
  /** Position in the history of the Master; 0 when it has none. */
  readonly seq: number;
  /** Wall clocks in ms; the Master's is 0 when it is not known. */
  readonly masterMs: number;
  readonly replicaMs: number;
  readonly text: string;
}

/** `undone`: this record was taken back, or its change never made. */
export type JournalEntry =
  | { readonly kind: 'undo'; readonly record: UndoRecord }
  | { readonly kind: 'undone'; readonly n: number }
  | { readonly kind: 'mark'; readonly mark: HistoryMark };

const TYPES: readonly EntryType[] = ['file', 'directory', 'symlink', 'other'];
const HAS_FROM = 1;
const HAS_BEFORE = 2;
const HAS_SOURCE = 4;
const HAS_KEPT = 8;
const HAS_RANGES = 16;
const HAS_RESTORED = 32;
const HAS_UNDOES = 64;
const HAS_TIMES = 128;
const UNDONE = 255;
const MARK = 254;
const NO_TIME = -(2n ** 63n);

export function objectBefore(stat: EntryStat): ObjectBefore {
  const { type, id, sizeBytes, mode, uid, gid, mtimeNs } = stat;
  return { type, id, sizeBytes, mode, uid, gid, mtimeNs };
}

export function sameId(a: FileId, b: FileId): boolean {
  return a.inode === b.inode && a.birthNs === b.birthNs;
}

/** What it restores and what was at its path change places in one step. */
export function exchanges({ kept, restored }: Pick<UndoRecord, 'kept' | 'restored'>): boolean {
  return kept !== undefined && kept === restored;
}

function flagsOf(record: UndoRecord): number {
  return (
    (record.from === undefined ? 0 : HAS_FROM) |
    (record.before === undefined ? 0 : HAS_BEFORE) |
    (record.source === undefined ? 0 : HAS_SOURCE) |
    (record.kept === undefined ? 0 : HAS_KEPT) |
    (record.ranges === undefined ? 0 : HAS_RANGES) |
    (record.restored === undefined ? 0 : HAS_RESTORED) |
    (record.undoes === undefined ? 0 : HAS_UNDOES) |
    (record.directoryTimes === undefined ? 0 : HAS_TIMES)
  );
}

export function writeUndoRecord(writer: ByteWriter, record: UndoRecord): void {
  const flags = flagsOf(record);
  writer.u8(UNDO_OPS.indexOf(record.op)).u8(flags).varint(record.n).varint(record.transaction);
  writer.varint(record.seq).f64(record.masterMs).u8(record.root).text(record.path);
  if (record.from !== undefined) writer.text(record.from);
  if (record.before !== undefined) writeBefore(writer, record.before);
  if (record.source !== undefined) writeId(writer, record.source);
  if (record.kept !== undefined) writer.text(record.kept);
  if (record.ranges !== undefined) writeRanges(writer, record.ranges);
  if (record.restored !== undefined) writer.text(record.restored);
  if (record.undoes !== undefined) writer.varint(record.undoes);
  if (record.directoryTimes !== undefined) writeTimes(writer, record.directoryTimes);
  if (mayGiveTime(record.op)) writer.i64(record.givenNs ?? NO_TIME);
}

function mayGiveTime(op: UndoOp): boolean {
  return op === 'patch' || op === 'metadata';
}

/** Each as the distance from the end of the one before and its length. */
function writeRanges(writer: ByteWriter, ranges: readonly FileRange[]): void {
  writer.varint(ranges.length);
  let end = 0;
  for (const { position, length } of ranges) {
    writer.varint(position - end).varint(length);
    end = position + length;
  }
}

function readRanges(reader: ByteReader): FileRange[] {
  const ranges: FileRange[] = [];
  const count = reader.varint();
  for (let end = 0; ranges.length < count; ) {
    const position = end + reader.varint();
    const length = reader.varint();
    ranges.push({ position, length });
    end = position + length;
  }
  return ranges;
}

function writeTimes(writer: ByteWriter, times: readonly (bigint | undefined)[]): void {
  writer.u8(times.length);
  for (const time of times) writer.i64(time ?? NO_TIME);
}

function readTimes(reader: ByteReader): (bigint | undefined)[] {
  const times: (bigint | undefined)[] = [];
  for (let left = reader.u8(); left > 0; left -= 1) {
    const time = reader.i64();
    times.push(time === NO_TIME ? undefined : time);
  }
  return times;
}

export function writeUndoneMark(writer: ByteWriter, n: number): void {
  writer.u8(UNDONE).varint(n);
}

export function writeHistoryMark(writer: ByteWriter, { kind, seq, masterMs, replicaMs, text }: HistoryMark): void {
  writer.u8(MARK).u8(MARK_KINDS.indexOf(kind)).varint(seq).f64(masterMs).f64(replicaMs).text(text);
}

function readHistoryMark(reader: ByteReader): HistoryMark {
  const kind = MARK_KINDS[reader.u8()];
  if (kind === undefined) throw new Fault('LINK-FRAME', { reason: 'history mark' });
  return { kind, seq: reader.varint(), masterMs: reader.f64(), replicaMs: reader.f64(), text: reader.text() };
}

/** Everything in a segment of the log, up to a torn tail. Throws like `readJournalEntry`. */
export function* journalEntries(segment: Uint8Array, from = 0): Generator<JournalEntry> {
  for (const { payload } of scanSegment(segment, from).records) {
    const reader = new ByteReader(payload);
    while (!reader.done) yield readJournalEntry(reader);
  }
}

/** Throws `LINK-FRAME` on a damaged payload (the segment's checksum makes that a defect). */
export function readJournalEntry(reader: ByteReader): JournalEntry {
  const tag = reader.u8();
  if (tag === UNDONE) return { kind: 'undone', n: reader.varint() };
  if (tag === MARK) return { kind: 'mark', mark: readHistoryMark(reader) };
  const op = UNDO_OPS[tag];
  if (op === undefined) throw new Fault('LINK-FRAME', { reason: 'undo record' });
  const flags = reader.u8();
  const record: Writable<UndoRecord> = {
    op,
    n: reader.varint(),
    transaction: reader.varint(),
    seq: reader.varint(),
    masterMs: reader.f64(),
    root: reader.u8(),
    path: reader.text(),
  };
  if (flags & HAS_FROM) record.from = reader.text();
  if (flags & HAS_BEFORE) record.before = readBefore(reader);
  if (flags & HAS_SOURCE) record.source = readId(reader);
  if (flags & HAS_KEPT) record.kept = reader.text();
  if (flags & HAS_RANGES) record.ranges = readRanges(reader);
  if (flags & HAS_RESTORED) record.restored = reader.text();
  if (flags & HAS_UNDOES) record.undoes = reader.varint();
  if (flags & HAS_TIMES) record.directoryTimes = readTimes(reader);
  if (mayGiveTime(op)) {
    const givenNs = reader.i64();
    if (givenNs !== NO_TIME) record.givenNs = givenNs;
  }
  return { kind: 'undo', record };
}

/** While it is made. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

function writeId(writer: ByteWriter, id: FileId): void {
  writer.i64(BigInt.asIntN(64, id.inode)).i64(id.birthNs);
}

function readId(reader: ByteReader): FileId {
  return { inode: BigInt.asUintN(64, reader.i64()), birthNs: reader.i64() };
}

function writeBefore(writer: ByteWriter, before: ObjectBefore): void {
  writer.u8(TYPES.indexOf(before.type));
  writeId(writer, before.id);
  writer.varint(before.sizeBytes).varint(before.mode).varint(before.uid).varint(before.gid).i64(before.mtimeNs);
  writeAttributes(writer, before.attributes);
}

function readBefore(reader: ByteReader): ObjectBefore {
  const type = TYPES[reader.u8()] ?? 'other';
  const id = readId(reader);
  const before: ObjectBefore = {
    type,
    id,
    sizeBytes: reader.varint(),
    mode: reader.varint(),
    uid: reader.varint(),
    gid: reader.varint(),
    mtimeNs: reader.i64(),
  };
  const { attributes } = readAttributes(reader);
  return attributes === undefined ? before : { ...before, attributes };
}
