/**
 * The history of the roots as the journal's log tells it, oldest first. The state after record `n` is point `n`; from the
 * present one gets to an earlier point by taking back the records behind it, newest first. A record of a rewind says which
 * record it takes back, so behind a rewind the way leads past everything it took back.
 */
import type { SegmentLog } from '../ports.ts';
import { type HistoryMark, type JournalEntry, journalEntries, type UndoRecord } from './record.ts';

export interface PlacedMark extends HistoryMark {
  /** Number of the last record before it. */
  readonly n: number;
}

/** Of what was said before the first record there is: it lies right before it, also when older records went. */
const NOT_KNOWN = -1;

/** What the log says once everything that was taken back is left out, and everything before a gap. */
function readLog(log: SegmentLog): { records: UndoRecord[]; marks: PlacedMark[] } {
  let records: UndoRecord[] = [];
  let marks: PlacedMark[] = [];
  const undone = new Set<number>();
  let beforeGap = 0;
  for (const entry of entriesOf(log)) {
    if (entry.kind === 'undo') records.push(entry.record);
    else if (entry.kind === 'undone') {
      undone.add(entry.n);
      // They counted on the change.
      while ((marks.at(-1)?.n ?? -1) >= entry.n) marks.pop();
    } else if (entry.mark.kind === 'gap') {
      beforeGap = records.at(-1)?.n ?? beforeGap;
      records = [];
      marks = [{ ...entry.mark, n: NOT_KNOWN }];
    } else marks.push({ ...entry.mark, n: records.at(-1)?.n ?? NOT_KNOWN });
  }
  const beginning = (records[0]?.n ?? beforeGap + 1) - 1;
  marks = marks.map((mark) => (mark.n === NOT_KNOWN ? { ...mark, n: beginning } : mark));
  return { records: records.filter(({ n }) => !undone.has(n)), marks };
}

function* entriesOf(log: SegmentLog): Generator<JournalEntry> {
  for (const segment of log.list()) yield* journalEntries(log.read(segment));
}

export class JournalHistory {
  /** Ascending by number, without what was taken back by recovery. */
  readonly records: readonly UndoRecord[];
  /** Ascending by number. */
  readonly marks: readonly PlacedMark[];
  private readonly byNumber = new Map<number, number>();

  constructor(log: SegmentLog) {
    const { records, marks } = readLog(log);
    this.records = records;
    this.marks = marks;
    for (const [at, { n }] of records.entries()) this.byNumber.set(n, at);
  }

  /** Number of the last record; 0 when there is none. */
  get last(): number {
    return this.records.at(-1)?.n ?? 0;
  }

  /** The oldest point there is a way to. */
  get first(): number {
    return Math.max(0, (this.records[0]?.n ?? 1) - 1);
  }

  /** Records to be taken back, in this order, to get from the present to a point. */
  *wayBack(point: number): Generator<UndoRecord> {
    for (let at = this.records.length - 1; at >= 0; at -= 1) {
      const record = this.records[at]!;
      if (record.n <= point) return;
      if (record.undoes !== undefined && point < record.undoes) at = this.firstFrom(record.undoes);
      else yield record;
    }
  }

  /** Index of the first record with at least this number. */
  private firstFrom(n: number): number {
    const exact = this.byNumber.get(n);
    if (exact !== undefined) return exact;
    const at = this.records.findIndex((record) => record.n >= n);
    return at < 0 ? this.records.length : at;
  }
}
