/**
 * The journal of a Replica's roots: nothing is replaced or removed before it was kept and its undo record is durable (D5).
 *
 * After a crash the changes since the last checkpoint are rolled back, so that apply starts again from exactly its state.
 * Without Data Rewind that is all: one segment of the log lasts from one checkpoint to the next, and what it kept is dropped
 * after the checkpoint that covers it. With Data Rewind segments stay (see history.ts), are larger, and hold marks that say
 * between which records the roots were a state of the Master.
 */
import { Fault } from '../../shared/faults.ts';
import { ByteWriter } from '../../shared/protocol/bytes.ts';
import type { RootTree, SegmentLog, StagedFile } from '../ports.ts';
import { encodeRecord, scanSegment } from '../spool/segment-records.ts';
import { DirectoryTimes } from './directory-times.ts';
import { ForeignWrites, giveTimes, timeGiven } from './foreign-writes.ts';
import type { HistoryTime } from './history-clock.ts';
import { fateOfLeft, haveOldTimes } from './left-changes.ts';
import {
  exchanges,
  type HistoryMark,
  type JournalEntry,
  journalEntries,
  type UndoIntent,
  type UndoRecord,
  type Writable,
  writeHistoryMark,
  writeUndoneMark,
  writeUndoRecord,
} from './record.ts';
import { isKeptAs, setDirectoryTimes, takeBackChange, touchesWhatWasThere } from './undo.ts';

/** How writers see the journal. */
export interface JournalPort {
  /**
   * Adds the undo record of a change about to be made; durable only after `flush`. `mtimeNs`: what the change gives the
   * object at its path; the journal has to know it of directories and of files that stay in their place.
   */
  intend(intent: UndoIntent, mtimeNs?: bigint): UndoRecord;
  /** Makes the records of the group durable; objects may be touched afterwards. Ends the transaction. */
  flush(): void;
  /** Keeps what the record's path holds: by a further link (it stays in place) or by moving it away. */
  keep(record: UndoRecord, how: 'link' | 'move'): void;
  /** Keeps the ranges of a file that is to be changed in place, as copied to `ranges`; durable when this returns. */
  keepRanges(record: UndoRecord, ranges: StagedFile): void;
  /** Takes a change back that could not be completed. */
  takeBack(record: UndoRecord): void;
  /** Was intended and will never be made: history must not count it. */
  withdraw(record: UndoRecord): void;
  /** What was intended last makes the roots those of the Master at `seq`, captured at `masterMs` there. */
  endUnit(seq: number, masterMs: number): void;
}

export interface RollBack {
  /** Could not be taken back (a planted link in the way): those places have to be sent again. */
  readonly failed: readonly UndoRecord[];
  /** Were taken back, but somebody else had written into the file: it has to be sent again. */
  readonly foreign: readonly UndoRecord[];
  /** One of them with which history cannot say what the roots hold now. */
  readonly unclear?: UndoRecord;
  /**
   * What this change found is nowhere any more: the file system kept later changes and lost earlier ones, or somebody else
   * worked in the root. Applying the spool again would be guessing; the trees have to be compared.
   */
  readonly lost?: UndoRecord;
}

/** `left`: could not be taken back; `untimed`: was, but a directory refuses its old time; `lost`: see `RollBack`. */
type Outcome = 'done' | 'left' | 'untimed' | 'lost';

const KEPT_NAME = /^s(\d+)-/;

/** Segment whose records gave a kept object its name; undefined: it is not the journal's. */
export function segmentOf(keptName: string): number | undefined {
  const segment = KEPT_NAME.exec(keptName)?.[1];
  return segment === undefined ? undefined : Number(segment);
}

/** Highest segment of which something is kept, also by an earlier scenario on these roots; 0 when nothing is. */
export function newestKeptSegment(trees: readonly RootTree[]): number {
  const names = trees.flatMap((tree) => tree.listKept());
  return names.reduce((newest, name) => Math.max(newest, segmentOf(name) ?? 0), 0);
}

/** What roll-back moves out of the way; dropped when it is done. */
const ASIDE = 'aside-';

/** Where in the log something begins. */
export interface JournalPlace {
  readonly journalSegment: number;
  readonly journalOffset: number;
  /** Wall clock, ms: the history of everything before was removed by its limits. */
  readonly historyTrimmedTo?: number | undefined;
  readonly historyTime?: HistoryTime | undefined;
}

/** With history a segment is at least so large before the next is begun. */
const SEGMENT_BYTES = 4 * 1024 * 1024;

export class Journal implements JournalPort {
  private readonly log: SegmentLog;
  private readonly trees: readonly RootTree[];
  private readonly writer = new ByteWriter(16 * 1024);
  private segment: number;
  /** In the current segment: what is before is covered by a checkpoint. */
  private offset: number;
  private nextRecord = 1;
  private transaction = 1;
  private asideCount = 0;
  /** Records appended or pending in the current segment. */
  private used = false;
  /** Bytes in the current segment. */
  private segmentBytes = 0;
  /** Roots where the segments since the last `forget` kept something. */
  private readonly keptRoots = new Set<number>();
  /** Present: history is kept. */
  private readonly times: DirectoryTimes | undefined;
  private unit: HistoryMark | undefined;
  private rolls = false;
  private patches = 0;
  /** By a roll-back that was interrupted, newest first; perhaps also changes that were refused right before. */
  private takenBackBefore: readonly UndoRecord[] = [];
  /** Of `pending`: they go out of the history with the changes before them. */
  lostBookmarks: readonly HistoryMark[] = [];
  /** A flush of the log failed: the kernel may have dropped what it was for (D12). */
  private broken: Fault | undefined;
  historyTrimmedTo: number | undefined;
  historyTime: HistoryTime | undefined;

  /** `place`: the beginning of what no checkpoint covers. */
  constructor(log: SegmentLog, trees: readonly RootTree[], place: JournalPlace, keepsHistory = false) {
    this.log = log;
    this.trees = trees;
    this.segment = place.journalSegment;
    this.offset = place.journalOffset;
    this.segmentBytes = place.journalOffset;
    this.historyTrimmedTo = keepsHistory ? place.historyTrimmedTo : undefined;
    this.historyTime = keepsHistory ? place.historyTime : undefined;
    this.times = keepsHistory ? new DirectoryTimes(trees) : undefined;
  }

  intend(intent: UndoIntent, mtimeNs?: bigint): UndoRecord {
    this.writeUnit();
    const n = this.nextRecord;
    this.nextRecord += 1;
    if (intent.op === 'patch') this.patches += 1;
    const keeps = intent.before !== undefined && intent.op !== 'metadata';
    const directoryTimes = this.times?.of(intent, mtimeNs);
    const givenNs = timeGiven(intent, mtimeNs);
    const record: Writable<UndoRecord> = { ...intent, n, transaction: this.transaction };
    if (keeps) record.kept = intent.keptAs ?? `s${this.segment}-${n}`;
    if (directoryTimes !== undefined) record.directoryTimes = directoryTimes;
    if (givenNs !== undefined) record.givenNs = givenNs;
    writeUndoRecord(this.writer, record);
    return record;
  }

  /** The directories that taking `origin` back disturbs will have the times it names. */
  expectTimes(origin: UndoRecord): void {
    this.times?.expect(origin);
  }

  /** Said before the next record, if there is one. */
  endUnit(seq: number, masterMs: number): void {
    if (this.times !== undefined) this.unit = { kind: 'unit', seq, masterMs, replicaMs: 0, text: '' };
  }

  /** A mark behind what was intended last. Durable with the next `flush` or `seal`. */
  mark(mark: HistoryMark): void {
    if (this.times === undefined) return;
    this.writeUnit();
    writeHistoryMark(this.writer, mark);
  }

  private writeUnit(): void {
    if (this.unit !== undefined) writeHistoryMark(this.writer, this.unit);
    this.unit = undefined;
  }

  withdraw(record: UndoRecord): void {
    // Said behind it, and not so any more.
    this.unit = undefined;
    this.writeUndone(record);
  }

  private writeUndone(record: UndoRecord): void {
    if (this.times !== undefined) writeUndoneMark(this.writer, record.n);
  }

  /** The next seal begins a segment, so that what is in this one can go by its age. */
  roll(): void {
    this.rolls = this.segmentBytes > 0;
  }

  /** Durable with the next checkpoint. */
  trimmed(toMs: number): number {
    this.historyTrimmedTo = Math.max(this.historyTrimmedTo ?? 0, toMs);
    return this.historyTrimmedTo;
  }

  get currentSegment(): number {
    return this.segment;
  }

  /** Counts changes that were intended, and of them those in place: nothing else changes what is in the roots. */
  get changes(): { readonly all: number; readonly inPlace: number } {
    return { all: this.nextRecord, inPlace: this.patches };
  }

  /** Number of the last record. */
  get last(): number {
    return this.nextRecord - 1;
  }

  /** Throws `FS-FULL` and then holds nothing of the group: its objects must not be touched. */
  flush(): void {
    this.transaction += 1;
    this.times?.clear();
    this.writeOut();
  }

  private writeOut(): void {
    if (this.broken !== undefined) throw this.broken;
    if (this.writer.length === 0) return;
    const payload = this.writer.take();
    const bytes = encodeRecord(payload);
    const before = this.segmentBytes;
    this.used = true;
    try {
      this.log.append(this.segment, bytes);
    } catch (error) {
      if (this.log.list().includes(this.segment)) this.log.truncate(this.segment, before);
      // Marks among it are for what is in the log already; its records are withdrawn behind it.
      if (this.times !== undefined) this.writer.raw(payload);
      throw error;
    }
    this.segmentBytes += bytes.length;
    try {
      this.log.flush(this.segment);
    } catch (error) {
      const fault = Fault.from(error);
      // Without a free handle, say, nothing was flushed that could have failed: the next one covers this too.
      if (fault.kind === 'fatal') this.broken = fault;
      throw error;
    }
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
    const kept = keptNames(tree, record);
    // Keeping comes first: without it nothing was done.
    const isMade = record.kept === undefined || (kept.has(record.kept) && !isUntouched(tree, record));
    if (isMade) takeBackChange(tree, record, kept, () => this.nextAside());
    // A directory that refuses its old time changes nothing about that.
    this.writeUndone(record);
    if (isMade) setDirectoryTimes(tree, record);
  }

  /** All that was made is flushed; returns the place to be named in the checkpoint that is saved next. */
  seal(): JournalPlace {
    if (this.times !== undefined) this.writeOut();
    if (this.times === undefined ? this.used : this.rolls || this.segmentBytes >= SEGMENT_BYTES)
      this.begin(this.segment + 1);
    this.used = false;
    this.offset = this.segmentBytes;
    return this.place(this.offset);
  }

  private begin(segment: number): void {
    this.segment = segment;
    this.segmentBytes = 0;
    this.offset = 0;
    this.used = false;
    this.rolls = false;
  }

  /** After the checkpoint that names the place is durable: drops what is not needed for history. */
  forget(): void {
    if (this.times !== undefined) return;
    for (const segment of this.log.list()) {
      if (segment < this.segment) this.log.remove(segment);
    }
    for (const root of this.keptRoots) this.dropBefore(this.tree(root));
    this.keptRoots.clear();
  }

  /** After a start: what a crash left of segments that a checkpoint covers, and of an earlier roll-back. */
  clean(): void {
    for (const tree of this.trees) tree.dropKept(`${ASIDE}*`);
    if (this.times !== undefined) return;
    for (const segment of this.log.list()) {
      if (segment < this.segment) this.log.remove(segment);
    }
    for (const tree of this.trees) this.dropBefore(tree);
  }

  /** Undo records since the checkpoint that were not taken back yet, newest first. Cuts a torn tail. */
  pending(): UndoRecord[] {
    this.nextRecord = Math.max(this.nextRecord, this.lastWritten() + 1);
    const records: UndoRecord[] = [];
    const undone: number[] = [];
    const bookmarks: HistoryMark[] = [];
    let before = 0;
    for (const entry of this.uncoveredEntries()) {
      if (entry.kind === 'undone') undone.push(entry.n);
      else if (entry.kind === 'undo') {
        records.push(entry.record);
        before = undone.length;
      } else if (entry.mark.kind === 'bookmark' && records.length > 0) bookmarks.push(entry.mark);
    }
    this.lostBookmarks = bookmarks;
    const undoneLast = new Set(undone.slice(before));
    this.takenBackBefore = records.filter(({ n }) => undoneLast.has(n)).reverse();
    const last = this.log.list().at(-1) ?? 0;
    // Only marks are in it: what comes next must be read behind them.
    if (this.times !== undefined && records.length === 0 && last > this.segment) this.begin(last + 1);
    const all = new Set(undone);
    return records.filter(({ n }) => !all.has(n)).reverse();
  }

  private *uncoveredEntries(): Generator<JournalEntry> {
    for (const segment of this.log.list()) if (segment >= this.segment) yield* this.uncovered(segment);
  }

  /** What no checkpoint covers; a torn tail is cut. */
  private uncovered(segment: number): Generator<JournalEntry> {
    const bytes = this.log.read(segment);
    const { validBytes } = scanSegment(bytes);
    if (validBytes < bytes.length) this.log.truncate(segment, validBytes);
    // Marks may lie behind what the checkpoint covers, and nothing to be taken back.
    if (segment === this.segment) this.segmentBytes = validBytes;
    return journalEntries(bytes, segment === this.segment ? this.offset : 0);
  }

  /** Number of the last record in the log; 0 when there is none. */
  private lastWritten(): number {
    for (const segment of this.log.list().reverse()) {
      const records: UndoRecord[] = [];
      for (const entry of journalEntries(this.log.read(segment))) if (entry.kind === 'undo') records.push(entry.record);
      const last = records.at(-1);
      if (last !== undefined) return last.n;
    }
    return 0;
  }

  /**
   * Takes back what `pending` returned. A kill in the middle is harmless (each step leaves a mark); after a power cut in
   * the middle the marks cannot be trusted and the caller has to compare the trees instead.
   */
  rollBack(records: readonly UndoRecord[]): RollBack {
    const last = this.log.list().at(-1);
    if (last === undefined || last < this.segment) return { failed: [], foreign: [] };
    const outcomes: Record<Outcome, UndoRecord[]> = { done: [], left: [], untimed: [], lost: [] };
    const { left, untimed } = outcomes;
    const writes = new ForeignWrites(this.trees, records);
    const foreign: UndoRecord[] = [];
    const old = touchesWhatWasThere(records.toReversed());
    const kept = this.trees.map((tree) => new Set(tree.listKept()));
    for (const record of records) {
      const written = writes.keptIn(record);
      foreign.push(...written);
      const outcome = this.takesBack(record, written, kept[record.root]!);
      outcomes[outcome].push(record);
      // Of what stays as it is history has to know; that is decided when everything else was taken back.
      if (outcome !== 'left' || this.times === undefined) this.appendUndone(last, record);
    }
    const unclear = this.times && this.settleLeft(last, records, outcomes);
    if (this.times !== undefined && records.length > 0) this.log.flush(last);
    this.begin(last + 1);
    this.giveTimes(foreign);
    const lost = outcomes.lost.find((record) => old.has(record));
    return { failed: [...left, ...untimed], foreign, ...(lost && { lost }), ...(unclear && { unclear }) };
  }

  private appendUndone(segment: number, { n }: UndoRecord): void {
    writeUndoneMark(this.writer, n);
    this.log.append(segment, encodeRecord(this.writer.take()));
  }

  /** Says what became of what could not be taken back; returns one of which nobody knows. */
  private settleLeft(
    segment: number,
    records: readonly UndoRecord[],
    { left, untimed }: Readonly<Record<Outcome, readonly UndoRecord[]>>,
  ): UndoRecord | undefined {
    let unclear: UndoRecord | undefined;
    const staying: UndoRecord[] = [];
    const olderThan = ({ n }: UndoRecord, except: readonly UndoRecord[]) =>
      [...records, ...this.takenBackBefore].filter((other) => other.n < n && !except.includes(other));
    for (const record of left) {
      const fate = fateOfLeft(this.tree(record.root), record, olderThan(record, left));
      if (fate === 'gone') this.appendUndone(segment, record);
      else if (fate === 'unclear') unclear ??= record;
      else staying.push(record);
    }
    // The oldest first: it decides.
    for (const record of untimed.toReversed()) {
      if (!haveOldTimes(this.tree(record.root), record, olderThan(record, left), staying)) unclear ??= record;
    }
    return unclear;
  }

  /** History knows of the times that files keep, so that older points stay what they were. */
  private giveTimes(foreign: readonly UndoRecord[]): void {
    if (this.times !== undefined) giveTimes(this, this.trees, foreign);
  }

  private takesBack(origin: UndoRecord, written: readonly UndoRecord[], kept: ReadonlySet<string>): Outcome {
    const record = this.times === undefined ? (written[0] ?? origin) : origin;
    const tree = this.tree(record.root);
    let found: boolean | undefined;
    try {
      found = takeBackChange(tree, record, kept, () => this.nextAside());
      setDirectoryTimes(tree, record);
      return found ? 'done' : 'lost';
    } catch (error) {
      if (Fault.from(error).kind === 'fatal') throw error;
      if (found === undefined) return 'left';
      return found ? 'untimed' : 'lost';
    }
  }

  /** Forgets everything without taking it back (a synchronization will compare the trees). Returns the next segment. */
  abandon(): JournalPlace {
    const last = this.log.list().at(-1);
    if (last !== undefined && last >= this.segment) this.begin(last + 1);
    this.writer.rewindTo(0);
    for (let root = 0; root < this.trees.length; root += 1) this.keptRoots.add(root);
    return this.place(this.segmentBytes);
  }

  private place(journalOffset: number): JournalPlace {
    const { segment: journalSegment, historyTrimmedTo, historyTime } = this;
    return { journalSegment, journalOffset, historyTrimmedTo, historyTime };
  }

  private dropBefore(tree: RootTree): void {
    const segments = new Set<number>();
    for (const name of tree.listKept()) {
      const segment = segmentOf(name);
      if (segment !== undefined && segment < this.segment) segments.add(segment);
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

/** Two objects were to change places and have not. */
function isUntouched(tree: RootTree, record: UndoRecord): boolean {
  return exchanges(record) && record.before !== undefined && !isKeptAs(tree, record.kept!, record.before);
}

/** Of the objects a record speaks of those that are kept now. */
function keptNames(tree: RootTree, { kept, restored }: UndoRecord): ReadonlySet<string> {
  const objects = tree.keptObjects();
  // Among millions a look at each is quicker than the list.
  return new Set([kept, restored].filter((name) => name !== undefined && objects.stat(name) !== undefined) as string[]);
}
