/** Rewind points from the end of the log, newest first, each as soon as what was before it says what it means. Pure. */
import { Fault } from '../../shared/faults.ts';
import type { RewindPoint } from '../../shared/rewind.ts';
import type { SegmentLog } from '../ports.ts';
import type { PlacedMark } from './history.ts';
import { logBackwards, type PastEntry, WayBack } from './log-backwards.ts';
import { isLater, pointOfEvent, pointOfPlaced, positionOf } from './points.ts';
import type { UndoRecord } from './record.ts';

export interface StreamedPoint {
  readonly point: RewindPoint;
  /** Segment of the log that has to stay so that it can be gone back to. */
  readonly segment: number;
}

/** One that waits for older entries. */
interface Waiting {
  readonly event?: UndoRecord;
  readonly mark?: PlacedMark;
  readonly segment: number;
  /** Number of the record it lies behind, once known. */
  n: number | undefined;
}

class Unresolved {
  private readonly queue: Waiting[] = [];
  private head = 0;

  push(one: Waiting): void {
    this.queue.push(one);
  }

  record(record: UndoRecord): void {
    for (let at = this.head; at < this.queue.length; at += 1) {
      const one = this.queue[at]!;
      if (one.mark !== undefined && one.n === undefined && !isLater(record, one.mark.seq)) one.n = record.n;
    }
  }

  mark({ kind, n, seq }: PlacedMark): void {
    for (let at = this.head; at < this.queue.length; at += 1) {
      const one = this.queue[at]!;
      if (one.n !== undefined) continue;
      if (one.event !== undefined) one.n = n;
      else if (kind !== 'unit' || seq <= one.mark!.seq) one.n = n;
    }
  }

  begin(n: number): void {
    for (let at = this.head; at < this.queue.length; at += 1) this.queue[at]!.n ??= n;
  }

  *resolved(): Generator<StreamedPoint> {
    for (; this.head < this.queue.length; this.head += 1) {
      const { event, mark, n, segment } = this.queue[this.head]!;
      if (n === undefined) return;
      const point = event === undefined ? pointOfPlaced(mark!, n) : pointOfEvent(event, n);
      if (point !== undefined) yield { point, segment };
    }
    this.queue.length = 0;
    this.head = 0;
  }
}

/** Takes the log's entries, newest first; gives the points in the same order, each somewhat later. */
export class PointStream {
  private readonly waiting = new Unresolved();
  private first: number | undefined;

  offer(entry: PastEntry): Generator<StreamedPoint> {
    const { waiting } = this;
    const { segment } = entry;
    if (entry.kind === 'record') {
      const { record } = entry;
      this.first = record.n;
      waiting.record(record);
      if (pointOfEvent(record, 0) !== undefined) waiting.push({ event: record, segment, n: undefined });
    } else {
      const { mark } = entry;
      if (mark.kind !== 'bookmark') waiting.mark(mark);
      if (mark.kind !== 'unit') waiting.push({ mark, segment, n: mark.kind === 'bookmark' ? undefined : mark.n });
    }
    return waiting.resolved();
  }

  /** There is nothing older. */
  end(): Generator<StreamedPoint> {
    this.waiting.begin(this.first === undefined ? 0 : Math.max(0, this.first - 1));
    return this.waiting.resolved();
  }
}

export function* pointsBackwards(entries: Iterable<PastEntry>): Generator<StreamedPoint> {
  const stream = new PointStream();
  for (const entry of entries) yield* stream.offer(entry);
  yield* stream.end();
}

export interface WayToPoint {
  readonly point: RewindPoint;
  /** Record it lies behind. */
  readonly n: number;
  /** Records to be taken back. */
  readonly steps: number;
  /** Number of the last record there is; 0 when there is none. */
  readonly last: number;
}

/** Reads no further than needed. Throws `POINT-NOT-FOUND`, also for a gap: that is no point. */
export function planTo(log: SegmentLog, id: string): WayToPoint {
  const n = positionOf({ id });
  if (!Number.isSafeInteger(n)) throw new Fault('POINT-NOT-FOUND', { point: id });
  const stream = new PointStream();
  const wayBack = new WayBack(n);
  let point: RewindPoint | undefined;
  let steps = 0;
  let last: number | undefined;
  const look = (points: Iterable<StreamedPoint>) => {
    for (const one of points) if (one.point.id === id && one.point.kind !== 'gap') point ??= one.point;
  };
  for (const entry of logBackwards(log)) {
    if (entry.kind === 'record') {
      last ??= entry.record.n;
      if (wayBack.takes(entry.record)) steps += 1;
    }
    look(stream.offer(entry));
    if (point !== undefined && entry.kind === 'record' && entry.record.n <= n) break;
  }
  if (point === undefined) look(stream.end());
  if (point === undefined) throw new Fault('POINT-NOT-FOUND', { point: id });
  return { point, n, steps, last: last ?? 0 };
}
