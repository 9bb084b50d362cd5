/** The history of a Replica's roots, when Data Rewind is on: what is said in it, and who reads it. */
import { Fault, type FaultDetails } from '../../shared/faults.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import { JournalHistory } from '../journal/history.ts';
import type { Journal, JournalPlace } from '../journal/journal.ts';
import { logBackwards, wayBackFrom } from '../journal/log-backwards.ts';
import { planTo, pointsBackwards, type WayToPoint } from '../journal/point-stream.ts';
import type { HistoryMark, MarkKind, UndoRecord } from '../journal/record.ts';
import type { Clock, SegmentLog } from '../ports.ts';
import type { Checkpoint } from './checkpoint.ts';

export interface StandbyHistoryPorts {
  readonly clock: Clock;
  readonly onEvent: (code: string, details: FaultDetails) => void;
  readonly journalLog: SegmentLog;
  readonly keepsHistory?: boolean;
}

export class StandbyHistory {
  private readonly ports: StandbyHistoryPorts;
  private readonly journal: Journal;
  /** Bookmarks that recovery took out of the log with the changes before them. */
  private unsaid: readonly HistoryMark[];

  /** `saved`: as it was before recovery. */
  constructor(ports: StandbyHistoryPorts, journal: Journal, saved: Pick<Checkpoint, 'bookmarks'>) {
    this.ports = ports;
    this.journal = journal;
    this.unsaid = (saved.bookmarks ?? []).map((bookmark) => ({ kind: 'bookmark', ...bookmark }));
  }

  get on(): boolean {
    return this.ports.keepsHistory === true;
  }

  /** Throws `REWIND-OFF` when none is kept. */
  read(): JournalHistory {
    this.refuseOff();
    return new JournalHistory(this.ports.journalLog);
  }

  /** Records to be taken back to get to a point; reads the log no further than that. Throws `REWIND-OFF`. */
  wayBack(point: number): Generator<UndoRecord> {
    this.refuseOff();
    return wayBackFrom(this.ports.journalLog, point);
  }

  /** The point of an id and the way to it. Throws `POINT-NOT-FOUND` and `REWIND-OFF`. */
  planTo(id: string): WayToPoint {
    this.refuseOff();
    return planTo(this.ports.journalLog, id);
  }

  /**
   * The roots hold the Master's state at `seq` and perhaps more. Durable when it returns; the point as it will be listed, which
   * may lie further back than what was applied last. Throws `REWIND-OFF`.
   */
  bookmark(seq: number, text: string): RewindPoint {
    this.refuseOff();
    this.mark('bookmark', seq, text);
    this.journal.flush();
    for (const { point } of pointsBackwards(logBackwards(this.ports.journalLog)))
      if (point.kind === 'bookmark') return point;
    throw new Fault('INTERNAL', { reason: 'the bookmark is not in the history' });
  }

  /** Takes a while: the history is read for it. */
  hasBookmark(seq: number, beginning: string): boolean {
    const { marks } = this.read();
    return marks.some((mark) => mark.kind === 'bookmark' && mark.seq === seq && mark.text.startsWith(beginning));
  }

  /** For the checkpoint: bookmarks are durable somewhere from the moment they were told on. */
  get forState(): Pick<Checkpoint, 'bookmarks'> {
    const bookmarks = this.unsaid.map(({ seq, masterMs, replicaMs, text }) => ({ seq, masterMs, replicaMs, text }));
    return { bookmarks: bookmarks.length === 0 ? undefined : bookmarks };
  }

  /** Recovery took changes back, and with them the bookmarks behind them. */
  rememberLost(): void {
    const lost = this.on ? this.journal.lostBookmarks : [];
    this.unsaid = [...this.unsaid, ...lost.filter((mark) => !isAmong(this.unsaid, mark))];
  }

  /** Everything up to `seq` is applied (again). */
  applied(seq: number): void {
    if (this.unsaid.length === 0) return;
    const due = this.unsaid.filter((mark) => mark.seq <= seq);
    if (due.length === 0) return;
    this.unsaid = this.unsaid.filter((mark) => mark.seq > seq);
    const { marks } = this.read();
    for (const mark of due) if (!isAmong(marks, mark)) this.journal.mark(mark);
    this.journal.flush();
  }

  /** What they stood for will not be applied again. */
  private giveUpBookmarks(reason: string): void {
    for (const { text } of this.unsaid) this.ports.onEvent('RWD-012', { text, reason });
    this.unsaid = [];
  }

  /** Says that the roots are, after what was made last, as `seq` of the Master. */
  mark(kind: MarkKind, seq: number, text = ''): void {
    this.journal.mark({ kind, seq, masterMs: 0, replicaMs: this.ports.clock.wallMs(), text });
  }

  /** The last moment before something other than the Master's changes is done to the roots. Everything applied is flushed. */
  pause(kind: MarkKind, seq: number): JournalPlace {
    if (!this.on) return this.journal.abandon();
    this.giveUpBookmarks('the changes before it were not applied again before a synchronization');
    this.mark(kind, seq);
    return this.journal.seal();
  }

  /** Nobody knows the way back any more. */
  breakOff(reason: string): JournalPlace {
    const place = this.journal.abandon();
    if (!this.on) return place;
    // The gap says it.
    this.unsaid = [];
    this.mark('gap', 0, reason);
    return this.journal.seal();
  }

  /** Behind a roll-back. `unclear`: the roots are known, but not the way back past this change. */
  goOnWithout(unclear: UndoRecord | undefined): JournalPlace {
    return unclear === undefined ? this.journal.seal() : this.breakOff(`"${unclear.path}" could not be taken back`);
  }

  private refuseOff(): void {
    if (!this.on) throw new Fault('REWIND-OFF', {});
  }
}

function isAmong(marks: readonly HistoryMark[], { kind, seq, replicaMs, text }: HistoryMark): boolean {
  return marks.some(
    (mark) => mark.kind === kind && mark.seq === seq && mark.replicaMs === replicaMs && mark.text === text,
  );
}
