/**
 * The journal's log from its end: what lies behind a point is read, and nothing else, whatever the length of the history.
 * Says the same as `JournalHistory`, which reads everything.
 */
import { ByteReader } from '../../shared/protocol/bytes.ts';
import type { SegmentLog } from '../ports.ts';
import { type SegmentRecord, scanSegment } from '../spool/segment-records.ts';
import type { PlacedMark } from './history.ts';
import { type HistoryMark, readJournalEntry, type UndoRecord } from './record.ts';

/** `gap` ends it. */
export type PastEntry =
  | { readonly kind: 'record'; readonly record: UndoRecord; readonly segment: number }
  | { readonly kind: 'mark'; readonly mark: PlacedMark; readonly segment: number };

/** What one piece of a segment says, in the order of the log; its marks have no number until the record before them is known. */
interface Parsed {
  readonly entries: (
    | Extract<PastEntry, { kind: 'record' }>
    | { readonly kind: 'unplaced'; readonly mark: HistoryMark }
  )[];
  readonly undone: readonly { readonly n: number; readonly after: number }[];
  /** Nothing before its first entry can be reached. */
  readonly gap: boolean;
  /** Last record before the gap, if there is one here. */
  readonly beforeGap: number | undefined;
}

function parse(payload: Uint8Array, segment: number): Parsed {
  let entries: Parsed['entries'] = [];
  const undone: { n: number; after: number }[] = [];
  let last: number | undefined;
  let beforeGap: number | undefined;
  let gap = false;
  const reader = new ByteReader(payload);
  while (!reader.done) {
    const entry = readJournalEntry(reader);
    if (entry.kind === 'undo') {
      last = entry.record.n;
      entries.push({ kind: 'record', record: entry.record, segment });
    } else if (entry.kind === 'undone') undone.push({ n: entry.n, after: entries.length });
    else {
      if (entry.mark.kind === 'gap') {
        gap = true;
        beforeGap = last ?? beforeGap;
        entries = [];
        undone.length = 0;
      }
      entries.push({ kind: 'unplaced', mark: entry.mark });
    }
  }
  return { entries, undone, gap, beforeGap };
}

/** What is known of the log from its end down to where one stands. */
class Backwards {
  private readonly undone = new Set<number>();
  private lowestUndone = Number.POSITIVE_INFINITY;
  /** Marks whose number is not known yet: the record before them is older. */
  private unplaced: { mark: HistoryMark; segment: number; before: number }[] = [];
  private oldest = Number.POSITIVE_INFINITY;

  private takenBack(n: number): void {
    this.undone.add(n);
    this.lowestUndone = Math.min(this.lowestUndone, n);
  }

  private mark(mark: HistoryMark, segment: number): void {
    this.unplaced.push({ mark, segment, before: this.lowestUndone });
  }

  /** One piece of a segment. */
  take({ entries, undone }: Parsed, segment: number): PastEntry[] {
    const found: PastEntry[] = [];
    let left = undone.length;
    for (let at = entries.length - 1; at >= -1; at -= 1) {
      for (; left > 0 && undone[left - 1]!.after > at; left -= 1) this.takenBack(undone[left - 1]!.n);
      const entry = entries[at];
      if (entry === undefined) continue;
      if (entry.kind === 'unplaced') {
        this.mark(entry.mark, segment);
        continue;
      }
      const { n } = entry.record;
      if (this.unplaced.length > 0) this.place(n, found);
      this.oldest = n;
      if (!this.undone.has(n)) found.push(entry);
    }
    return found;
  }

  /** Nothing older can be reached. */
  end(beforeGap: number | undefined): PastEntry[] {
    const found: PastEntry[] = [];
    this.place(Number.isFinite(this.oldest) ? Math.max(0, this.oldest - 1) : (beforeGap ?? 0), found);
    return found;
  }

  private place(n: number, found: PastEntry[]): void {
    for (const { mark, segment, before } of this.unplaced) {
      // One that counted on a change that was taken back later is none; what was taken back before it does not matter.
      if (n < before) found.push({ kind: 'mark', mark: { ...mark, n }, segment });
    }
    this.unplaced = [];
  }
}

/** Newest first, up to the gap (included) or the oldest there is. What was taken back by recovery is left out. */
export function* logBackwards(log: SegmentLog): Generator<PastEntry> {
  for (const entries of piecesBackwards(log)) yield* entries;
}

/** The same in pieces: whoever goes back a little needs only the last ones. */
function* piecesBackwards(log: SegmentLog): Generator<readonly PastEntry[]> {
  const state = new Backwards();
  const segments = log.list().reverse();
  for (const [at, segment] of segments.entries()) {
    const pieces = scanSegment(log.read(segment)).records;
    for (let piece = pieces.length - 1; piece >= 0; piece -= 1) {
      const parsed = parse(pieces[piece]!.payload, segment);
      yield state.take(parsed, segment);
      if (!parsed.gap) continue;
      yield state.end(parsed.beforeGap ?? lastRecord(pieces.slice(0, piece)) ?? lastIn(log, segments.slice(at + 1)));
      return;
    }
  }
  yield state.end(undefined);
}

/** Number of the last record in these segments, newest first. */
function lastIn(log: Pick<SegmentLog, 'read'>, segments: readonly number[]): number | undefined {
  for (const segment of segments) {
    const last = lastRecord(scanSegment(log.read(segment)).records);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** Number of the last one in these pieces of a segment. */
function lastRecord(pieces: readonly SegmentRecord[]): number | undefined {
  for (const { payload } of pieces.toReversed()) {
    let last: number | undefined;
    const reader = new ByteReader(payload);
    while (!reader.done) {
      const entry = readJournalEntry(reader);
      if (entry.kind === 'undo') last = entry.record.n;
    }
    if (last !== undefined) return last;
  }
  return undefined;
}

/** Says of records, newest first, which have to be taken back to get from the present to a point. */
export class WayBack {
  private readonly point: number;
  private before = Number.POSITIVE_INFINITY;

  constructor(point: number) {
    this.point = point;
  }

  takes({ n, undoes }: UndoRecord): boolean {
    if (n <= this.point || n >= this.before) return false;
    if (undoes === undefined || this.point >= undoes) return true;
    // It and everything back to what it took back is as if it had never been.
    this.before = undoes;
    return false;
  }
}

/** Records to be taken back, in this order; reads no further. What is written to the log meanwhile is not among them. */
export function* wayBackFrom(log: SegmentLog, point: number): Generator<UndoRecord> {
  const wayBack = new WayBack(point);
  for (const entries of piecesBackwards(log)) {
    for (const entry of entries) {
      if (entry.kind !== 'record') continue;
      if (entry.record.n <= point) return;
      if (wayBack.takes(entry.record)) yield entry.record;
    }
  }
}
