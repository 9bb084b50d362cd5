/** Rewind points from the end of the log, newest first, each as soon as what was before it says what it means. Pure. */
import type { RewindPoint } from '../../shared/rewind.ts';
import type { PlacedMark } from './history.ts';
import type { PastEntry } from './log-backwards.ts';
import { isLater, pointOfEvent, pointOfPlaced } from './points.ts';
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
